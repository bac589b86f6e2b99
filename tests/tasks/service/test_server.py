"""Whether Prefect's server is there, asked before anything else."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from data.errors import UserError
from data.settings import Settings
from tasks.service import server


class Busy(BaseHTTPRequestHandler):
    """Answers as Prefect's API, half a second late."""

    def do_GET(self) -> None:
        time.sleep(0.5)
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(b'"3.0"')

    def log_message(self, *words: object) -> None:
        """Nothing."""


@contextmanager
def busy_api() -> Iterator[str]:
    """The address of an API that takes its time."""
    with HTTPServer(("127.0.0.1", 0), Busy) as busy:
        Thread(target=busy.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{busy.server_port}/api"
        busy.shutdown()


def test_without_a_server_the_error_says_how_to_get_one(tmp_path: Path) -> None:
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        with pytest.raises(UserError, match="reelflow up"):
            server.find_api_url(Settings(root=str(tmp_path)))
    with pytest.raises(UserError, match=r"no server answers.*reelflow up"):
        server.check_server("http://127.0.0.1:9/api")


def test_a_server_that_listens_is_waited_for_longer_than_one_that_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that took six seconds to answer ended a night."""
    monkeypatch.setattr(server, "CONNECT_S", 0.2)
    with busy_api() as api:
        server.check_server(api)


def test_a_server_that_never_answers_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "ANSWER_S", 0.2)
    with busy_api() as api, pytest.raises(UserError, match=r"no server answers there .*timed out"):
        server.check_server(api)
