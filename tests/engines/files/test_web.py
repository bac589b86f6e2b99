"""Where a redirect may lead, between two real servers of which one is taken to be in public."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from fsspec.implementations.http import HTTPFileSystem

from engines.files import web
from engines.files.access import UrlPolicy
from engines.files.media import open_media, stat_media

PUBLIC, INSIDE = "127.0.0.1", "127.0.0.2"
BODY = b"what lies inside"


class _Answer(BaseHTTPRequestHandler):
    """`/to/HOST` leads there; all else is a file."""

    def do_GET(self) -> None:
        if host := self.path.partition("/to/")[2]:
            self.send_response(302)
            self.send_header("Location", f"http://{host}:{self.server.server_port}/a.mp4")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        self.server.asked.append(self.connection.getsockname()[0])
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(BODY)

    do_HEAD = do_GET

    def log_message(self, *said: object) -> None:
        """Nothing to say."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    monkeypatch.setattr(web, "is_public_address", lambda address: address == PUBLIC)
    web.is_private_host.cache_clear()
    HTTPFileSystem.clear_instance_cache()
    with ThreadingHTTPServer(("0.0.0.0", 0), _Answer) as server:
        server.asked = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
    web.is_private_host.cache_clear()
    HTTPFileSystem.clear_instance_cache()


def test_a_public_host_leads_nobody_inside(server: ThreadingHTTPServer) -> None:
    url = f"http://{PUBLIC}:{server.server_port}/to/{INSIDE}"
    for ask in (stat_media, lambda url: open_media(url).read()):
        with pytest.raises(PermissionError, match="private address"):
            ask(url)
    assert server.asked == []


def test_it_may_lead_to_another_public_one(server: ThreadingHTTPServer) -> None:
    assert open_media(f"http://{PUBLIC}:{server.server_port}/to/{PUBLIC}").read() == BODY


def test_a_private_host_that_was_allowed_may_lead_to_another(server: ThreadingHTTPServer) -> None:
    assert open_media(f"http://{INSIDE}:{server.server_port}/to/{INSIDE}").read() == BODY


def test_where_private_addresses_are_allowed_everybody_may_lead_there(
    server: ThreadingHTTPServer,
) -> None:
    url, policy = f"http://{PUBLIC}:{server.server_port}/to/{INSIDE}", UrlPolicy(private=True)
    assert open_media(url, policy).read() == BODY
    assert stat_media(url, policy)[0] == len(BODY)


def test_the_environment_of_a_worker_allows_nothing(
    server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REELFLOW_PRIVATE_ADDRESSES", "true")
    with pytest.raises(PermissionError):
        open_media(f"http://{PUBLIC}:{server.server_port}/to/{INSIDE}").read()
