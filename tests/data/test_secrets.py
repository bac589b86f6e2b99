"""No part of an address that lets anyone in is kept, and nothing else of it is lost."""

import pytest

from data.secrets import has_password, has_secret, strip_secrets

PLAIN = [
    "s3://bucket/a:b@c.mp4",
    "s3://bucket/key=5/token=7/a.mp4",
    "abfs://box@account.dfs.core.windows.net/a.mp4",
    "https://h:8080/a@b.mp4",
    "https://[::1]:80/a@b.mp4",
    "https://h/v?id=5&author=x&keyword=y&page=2",
    "https://h/key=5/a.mp4",
    "tar::/videos/a.tar#512:100/a=b.mp4",
    "fake://3?frames=8&hang=1",
    "a caption with key=value; and user@example.org: 10%",
    "hf://datasets/me/clips@main/a.mp4",
]
SECRET = {
    "https://PLANTED@h/a.mp4": "https://h/a.mp4",
    "https://u:PLANTED@h/a": "https://h/a",
    "https://u:PLAN/TED@h/a.mp4": "https://h/a.mp4",
    "s3://key:PLANTED@bucket/x": "s3://bucket/x",
    "https://h/a.mp4?X-Amz-Signature=PLAN/TED&X-Amz-Date=1&id=5": "https://h/a.mp4?id=5",
    "https://h/a.mp4?X-Goog-Signature=PLANTED&X-Goog-Expires=9": "https://h/a.mp4",
    "https://h/a?Expires=5&Policy=PLANTED&Key-Pair-Id=K": "https://h/a",
    "https://h/a.mp4?sv=1&se=2&sp=r&sr=b&sig=PLANTED%3D": "https://h/a.mp4",
    "https://h/a?access_token=PLANTED": "https://h/a",
    "https://h/a?API-Key=PLANTED&v=1": "https://h/a?v=1",
    "https://h/a?v=1&X%2DAmz%2DSignature=PLANTED": "https://h/a?v=1",
    "https://h/a?md5=PLANTED&expires=4": "https://h/a",
    "https://h/a?t=eyJhbGciOiJI.eyPLANTED.x": "https://h/a",
    "https://h/a#access_token=PLANTED": "https://h/a",
    "https://h/a;jsessionid=PLANTEDPLANTED/b": "https://h/a/b",
    "tar::https://h/x.tar?token=PLANTED#512:100/a.mp4": "tar::https://h/x.tar#512:100/a.mp4",
    "zip://a.mp4::https://me:PLANTED@h/a.zip": "zip://a.mp4::https://h/a.zip",
    "403, url='https://h/a?Signature=PLANTED==' at 5": "403, url='https://h/a' at 5",
    "https://h/a?sig=PLANTED and https://g/b?token=PLANTED": "https://h/a and https://g/b",
}


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_no_secret_stays(text: str) -> None:
    assert strip_secrets(text) == text and not has_secret(text) and not has_password(text)


@pytest.mark.parametrize(("text", "plain"), SECRET.items())
def test_a_secret_goes_and_the_address_of_its_file_stays(text: str, plain: str) -> None:
    assert strip_secrets(text) == plain and has_secret(text)
    assert strip_secrets(plain) == plain
