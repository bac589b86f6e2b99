"""What reelflow says of object storage that lets nobody in: real clients, a server that refuses."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from data.errors import UserError
from data.store import s3
from data.store.storage import Store
from engines.files.faults import Unreachable
from engines.files.media import open_media

REFUSAL = (
    "<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message>"
    "<Region>eu-north-1</Region></Error>"
)

FOUND = (
    b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\nETag: "1"\r\n'
    b"Last-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\n"
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


class Silent:
    """Takes every connection and whatever is sent, and never answers.

    With `reads` off it takes not even what is sent. `half` is what it says all the same, to a GET.
    """

    def __init__(self) -> None:
        self.reads, self.half = True, b""
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.server_address = self.listening.getsockname()
        self.taken: list[socket.socket] = []
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        with suppress(OSError):  # once it is closed
            while True:
                self.taken.append(self.listening.accept()[0])
                if self.reads:
                    threading.Thread(target=self._hear, args=self.taken[-1:], daemon=True).start()

    def _hear(self, connection: socket.socket) -> None:
        with suppress(OSError):
            while asked := connection.recv(2**16):
                if asked.startswith(b"HEAD"):
                    connection.sendall(FOUND + b"\r\n")
                elif asked.startswith(b"GET") and self.half:
                    connection.sendall(FOUND + b"\r\n" + self.half)

    def close(self) -> None:
        for each in (self.listening, *self.taken):
            each.close()


@contextmanager
def _named(server: Refusing | Silent, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """The server is the S3 of whoever asks."""
    from s3fs import S3FileSystem

    patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_address[1]}")
    patch.setenv("AWS_ACCESS_KEY_ID", "key")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    patch.setenv("AWS_MAX_ATTEMPTS", "1")
    S3FileSystem.clear_instance_cache()
    yield
    S3FileSystem.clear_instance_cache()


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Refusing]:
    with Refusing(("127.0.0.1", 0), _Answer) as server, _named(server, monkeypatch):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Silent]:
    monkeypatch.setattr(s3, "READ_TIMEOUT_S", 0.3)
    monkeypatch.setattr(s3, "SEND_TIMEOUT_S", 0.5)
    server = Silent()
    with _named(server, monkeypatch):
        yield server
    server.close()


@pytest.mark.slow
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
        store.list_names("corpora")
    with pytest.raises(UserError, match=says):
        store.write("corpora/c", b"1")


def test_a_refusal_without_a_reason_is_one_line_too(refusing: Refusing) -> None:
    with pytest.raises(UserError, match=r"s3://videos/store.*denied"):
        Store("s3://videos/store").exists("corpora/c")


def test_without_credentials_it_says_which_to_set(
    refusing: Refusing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    with pytest.raises(UserError, match=r"AWS_ACCESS_KEY_ID.*AWS_PROFILE"):
        Store("s3://videos/store").list_names("corpora")


def test_where_nobody_answers_it_names_the_address(
    refusing: Refusing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(UserError, match=r"127\.0\.0\.1:9.*AWS_ENDPOINT_URL"):
        Store("s3://videos/store").list_names("corpora")


def test_the_region_is_that_of_the_environment(
    refusing: Refusing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "ap-south-1")
    with pytest.raises(UserError):
        Store("s3://videos/store").list_names("corpora")
    assert refusing.asked_in == "ap-south-1"


@pytest.mark.slow
@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.write("a", b"1"),
        lambda store: store.write_if_absent("a", b"1"),
        lambda store: store.list_names("a"),
    ],
    ids=["write", "claim", "names"],
)
def test_a_server_that_takes_requests_and_never_answers_holds_nobody(
    silent: Silent, ask: Callable[[Store], object]
) -> None:
    begun = time.monotonic()
    with pytest.raises(UserError, match="AWS_ENDPOINT_URL"):
        ask(Store("s3://videos/store"))
    assert silent.taken and time.monotonic() - begun < 60


@pytest.mark.parametrize("reads", [True, False])
def test_nor_does_one_that_takes_an_upload_and_never_answers_or_stops_taking_it(
    silent: Silent, reads: bool
) -> None:
    silent.reads = reads
    with pytest.raises(UserError, match="AWS_ENDPOINT_URL"):
        with Store("s3://videos/store").create("a") as out:
            out.write(bytes(30_000_000))
    assert silent.taken


@pytest.mark.slow
@pytest.mark.parametrize(
    "read",
    [
        lambda: Store("s3://videos").read("a"),
        lambda: open_media("s3://videos/a").read(),
    ],
    ids=["store", "video"],
)
def test_nor_does_one_that_stops_within_an_answer(silent: Silent, read: Callable) -> None:
    silent.half = b"half of a video"
    with pytest.raises((UserError, Unreachable), match="AWS_ENDPOINT_URL"):
        read()
