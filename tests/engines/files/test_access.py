import pytest

from data.secrets import strip_secrets
from data.settings import Settings
from engines.files.access import UrlPolicy

SCHEMES = tuple(Settings().url_schemes.split(","))


@pytest.mark.parametrize(
    "uri",
    ["/videos/a.mp4", "s3://bucket/a.mp4", "gs://bucket/a.mp4", "https://93.184.215.14/a.mp4",
     "tar::/videos/a.tar#512:100/a.mp4", "tar::s3://bucket/a.tar#512:100/a.mp4", "fake://7"],
)  # fmt: skip
def test_paths_stores_and_public_hosts_may_be_named(uri: str) -> None:
    assert UrlPolicy(SCHEMES, private=False).find_rejection(uri) is None


@pytest.mark.parametrize(
    "uri",
    ["http://127.0.0.1/a.mp4", "http://localhost:8080/a.mp4", "http://10.1.2.3/a.mp4",
     "https://192.168.0.1/a.mp4", "http://169.254.169.254/latest/meta-data", "http://[::1]/a.mp4",
     "http://[fd00::1]/a.mp4", "http://0.0.0.0/a.mp4", "http://2130706433/a.mp4",
     "zip://a.mp4::http://127.0.0.1/a.zip", "tar::http://127.0.0.1/a.tar#512:100/a.mp4"],
)  # fmt: skip
def test_private_hosts_are_refused_however_they_are_written(uri: str) -> None:
    assert UrlPolicy((*SCHEMES, "zip"), private=False).find_rejection(uri)
    assert UrlPolicy((*SCHEMES, "zip"), private=True).find_rejection(uri) is None


@pytest.mark.parametrize(
    "uri",
    [
        "ssh://host/a.mp4",
        "ftp://host/a.mp4",
        "git://x",
        "SMB://h/a.mp4",
        "reference::https://93.184.215.14/refs.json",
        "reference::s3://bucket/refs.json",
        "simplecache::arrow_hdfs::s3://bucket/a.mp4",
        "zip://a.mp4::ftp::https://93.184.215.14/a.zip",
        "tar::reference::https://93.184.215.14/refs.json#0:10/a.mp4",
    ],
)
def test_other_schemes_are_refused_with_the_setting_that_allows_them(uri: str) -> None:
    assert "REELFLOW_URL_SCHEMES" in (UrlPolicy(SCHEMES, private=True).find_rejection(uri) or "")


def test_the_host_of_the_source_itself_is_allowed() -> None:
    reach = UrlPolicy(SCHEMES, private=False, source="http://10.0.0.5/videos.csv")
    assert reach.find_rejection("http://10.0.0.5/a.mp4") is None
    assert reach.find_rejection("http://10.0.0.6/a.mp4")


def test_an_address_with_a_password_is_refused_and_can_be_told_without_it() -> None:
    uri = "zip://a.mp4::https://me:planted@93.184.215.14/a.zip"
    assert "password" in (UrlPolicy((*SCHEMES, "zip"), private=True).find_rejection(uri) or "")
    assert strip_secrets(uri) == "zip://a.mp4::https://93.184.215.14/a.zip"
    assert strip_secrets("s3://bucket/a:b@c.mp4") == "s3://bucket/a:b@c.mp4"
