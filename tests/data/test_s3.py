"""What reelflow says of object storage that lets nobody in: real clients, a server that refuses."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from data.errors import UserError
from data.storage import Store

REFUSAL = (
    "<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message>"
    "<Region>eu-north-1</Region></Error>"
)


class Refusing(ThreadingHTTPServer):
    """Answers whatever it is asked with one of S3's errors; a HEAD has no room for its reason."""

    status, code = 403, "AccessDenied"
    asked_in = ""  # the region that the last request was signed for


class _Answer(BaseHTTPRequestHandler):
    server: Refusing
    protocol_version = "HTTP/1.1"  # clients that send ask first, and wait for "100 Continue"

    def do_GET(self) -> None:
        said = REFUSAL.format(code=self.server.code).encode()
        self.server.asked_in = self.headers.get("Authorization", "///").split("/")[2]
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_PUT = do_GET

    def do_HEAD(self) -> None:
        self.send_response(403)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *said: object) -> None:
        """Nothing to say."""


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Refusing]:
    from s3fs import S3FileSystem

    with Refusing(("127.0.0.1", 0), _Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        where = f"http://127.0.0.1:{server.server_address[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL", where)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        S3FileSystem.clear_instance_cache()
        yield server
        server.shutdown()
        S3FileSystem.clear_instance_cache()


@pytest.mark.parametrize(
    ("status", "code", "says"),
    [
        (403, "InvalidAccessKeyId", "AWS_ACCESS_KEY_ID"),
        (403, "SignatureDoesNotMatch", "AWS_SECRET_ACCESS_KEY"),
        (400, "ExpiredToken", "expired.*AWS_SESSION_TOKEN"),
        (403, "RequestTimeTooSkewed", "clock"),
        (400, "AuthorizationHeaderMalformed", "eu-north-1.*AWS_REGION"),
        (301, "PermanentRedirect", "eu-north-1.*AWS_REGION"),
        (403, "AccessDenied", "s3://videos/store.*denied"),
    ],
)
def test_what_s3_refuses_says_what_to_set(
    refusing: Refusing, status: int, code: str, says: str
) -> None:
    refusing.status, refusing.code = status, code
    store = Store("s3://videos/store")
    with pytest.raises(UserError, match=says):
        store.names("corpora")
    with pytest.raises(UserError, match=says):
        store.write("corpora/c", b"1")


def test_a_refusal_without_a_reason_is_one_line_too(refusing: Refusing) -> None:
    with pytest.raises(UserError, match=r"s3://videos/store.*denied.*credentials"):
        Store("s3://videos/store").exists("corpora/c")


def test_without_credentials_it_says_which_to_set(
    refusing: Refusing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    with pytest.raises(UserError, match=r"no credentials.*AWS_ACCESS_KEY_ID.*AWS_PROFILE"):
        Store("s3://videos/store").names("corpora")


def test_where_nobody_answers_it_names_the_address(
    refusing: Refusing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(UserError, match=r"127\.0\.0\.1:9: nobody answers.*AWS_ENDPOINT_URL"):
        Store("s3://videos/store").names("corpora")


def test_the_region_is_that_of_the_environment(
    refusing: Refusing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "ap-south-1")
    with pytest.raises(UserError):
        Store("s3://videos/store").names("corpora")
    assert refusing.asked_in == "ap-south-1"
