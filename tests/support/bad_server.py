"""A web server that misbehaves in one way for each path; `/good/…` serves a folder's files."""

import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

STATUSES = (401, 403, 404, 410, 429, 500, 503)


class BadServer(ThreadingHTTPServer):
    """Serves on a free port of this machine; counts requests by path, and keeps their queries."""

    daemon_threads = True

    def __init__(self, folder: Path, host: str = "127.0.0.1") -> None:
        super().__init__((host, 0), partial(_Answer, folder))
        self.requests: Counter[str] = Counter()
        self.queries: set[str] = set()
        self.is_down = False  # answers 503 to everything

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that leave early are what is tested here."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def serve(folder: Path) -> Iterator[BadServer]:
    """The server, for the block."""
    with BadServer(folder) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@contextmanager
def serve_tls(folder: Path, certificate: Path) -> Iterator[BadServer]:
    """The same with a certificate that nobody trusts."""
    with BadServer(folder) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


class _Answer(BaseHTTPRequestHandler):
    """Answers by the first part of the path; the rest names a file of the folder."""

    protocol_version = "HTTP/1.1"
    server: BadServer

    def __init__(self, folder: Path, *rest: object) -> None:
        self.folder = folder
        super().__init__(*rest)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        self.server.requests[path] += 1
        self.server.queries.add(query)
        kind, _, name = path.removeprefix("/").partition("/")
        file = self.folder / name
        body = file.read_bytes() if file.is_file() else b"nothing"
        answer: Callable[[bytes], None] = getattr(self, f"send_{kind}", self.send_good)
        if self.server.is_down:
            return self.send_status(503)
        if kind.isdigit():
            return self.send_status(int(kind))
        answer(body)

    do_HEAD = do_GET

    def send_head(self, body_length: int | None, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        if body_length is not None:
            self.send_header("Content-Length", str(body_length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def send_body(self, body: bytes) -> None:
        if self.command == "GET":
            self.wfile.write(body)

    def send_status(self, status: int) -> None:
        self.send_head(0, status)

    def send_good(self, body: bytes) -> None:
        """The file, or the range of it that is asked for."""
        span = self.headers.get("Range", "").removeprefix("bytes=").partition("-")
        if not span[1]:
            self.send_head(len(body), ETag='"1"')
            return self.send_body(body)
        start, end = int(span[0]), min(int(span[2]) + 1, len(body))
        self.send_head(end - start, 206, Content_Range=f"bytes {start}-{end - 1}/{len(body)}")
        self.send_body(body[start:end])

    def send_whole(self, body: bytes) -> None:
        """The whole file whatever is asked for: a server without ranges."""
        self.send_head(len(body))
        self.send_body(body)

    def send_unsized(self, body: bytes) -> None:
        """The whole file, without its length."""
        self.close_connection = True
        self.send_head(None, Connection="close")
        self.send_body(body)

    def send_flaky(self, body: bytes) -> None:
        """503 twice for each path, then the file."""
        if self.server.requests[self.path.partition("?")[0]] <= 3:
            return self.send_head(0, 503, Retry_After="0")
        self.send_good(body)

    def send_cut(self, body: bytes) -> None:
        """States the whole length, and closes the connection in the middle."""
        self.send_head(len(body))
        self.send_body(body[: len(body) // 2])
        self.close_connection = True

    def send_short(self, body: bytes) -> None:
        """States twice the length to HEAD, and the true one to GET."""
        self.send_head(2 * len(body) if self.command == "HEAD" else len(body))
        self.send_body(body)

    def send_long(self, body: bytes) -> None:
        """States half of the length to HEAD, and the true one to GET."""
        self.send_head(len(body) // 2 if self.command == "HEAD" else len(body))
        self.send_body(body)

    def send_huge(self, body: bytes) -> None:
        """States more bytes than any disk has."""
        self.send_head(10**30)

    def send_endless(self, body: bytes) -> None:
        """Sends without an end, as fast as it is read."""
        self.close_connection = True
        self.send_head(None, Connection="close")
        try:
            while self.command == "GET":
                self.wfile.write(bytes(1 << 20))
        except OSError:
            return

    def send_silent(self, body: bytes) -> None:
        """Takes the request and never answers."""
        time.sleep(60)

    def send_drip(self, body: bytes) -> None:
        """States the length, and sends a byte now and then."""
        self.send_head(len(body))
        try:
            for byte in body if self.command == "GET" else b"":
                self.wfile.write(bytes([byte]))
                time.sleep(0.2)
        except OSError:
            return

    def send_loop(self, body: bytes) -> None:
        """Redirects to itself."""
        self.send_head(0, 302, Location=self.path)

    def send_nowhere(self, body: bytes) -> None:
        """Redirects to what is no address."""
        self.send_head(0, 302, Location="http://[")

    def send_rude(self, body: bytes) -> None:
        """Closes the connection without an answer."""
        self.close_connection = True

    def send_noise(self, body: bytes) -> None:
        """Answers in no protocol at all."""
        self.wfile.write(b"\x00\xffnothing of HTTP\r\n\r\n")
        self.close_connection = True

    def send_signed(self, body: bytes) -> None:
        """The file to whoever has the signature of today."""
        good = "X-Amz-Signature=planted" in self.path
        self.send_good(body) if good else self.send_status(403)

    def log_message(self, *said: object) -> None:
        """Nothing to say."""
