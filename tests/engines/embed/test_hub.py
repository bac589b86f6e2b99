"""Weights of the hub: fetched once with their size and progress, or one line with the ways out."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from support.running import free_ports

REPO, WEIGHTS, OTHER = "someone/model", "weights.safetensors", "weights.bin"
BODY = os.urandom(300_000)
FETCH = f"""
import sys, time
from engines.embed.hub import fetch_file
told, began = [], time.monotonic()
try:
    names = ["{WEIGHTS}", "{OTHER}"]
    path = fetch_file("{REPO}", names, "M T", lambda done, total: told.append((done, total)))
    print(path, told[0], told[-1]) if told else print(path, "cached")
except Exception as error:
    print(type(error).__name__, str(error).count("\\n"), error)
assert time.monotonic() - began < 24
"""


class _Hub(BaseHTTPRequestHandler):
    """As much of the hub as its client asks for one file: a commit, a digest, the bytes."""

    asked: list[str] = []  # noqa: RUF012

    def do_HEAD(self) -> None:
        self.asked.append(self.path)
        self.send_response(200 if self.path.endswith(OTHER) else 404)
        self.send_header("X-Repo-Commit", "c" * 40)
        if self.path.endswith(OTHER):
            self.send_header("ETag", '"abc"')
            self.send_header("Content-Length", str(len(BODY)))
        else:
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        if self.path.endswith(OTHER):
            self.wfile.write(BODY)

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal of the tests."""


@pytest.fixture
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def _fetch(endpoint: str, home: Path) -> str:
    # A process of its own: the hub's client reads its environment when it is imported.
    environment = os.environ | {"HF_ENDPOINT": endpoint, "HF_HOME": str(home)}
    ran = subprocess.run(
        [sys.executable, "-c", FETCH], env=environment, capture_output=True, text=True, check=True
    )
    return ran.stdout


def test_weights_are_fetched_once_and_their_size_is_told_before(hub: str, tmp_path: Path) -> None:
    size = len(BODY)
    said = _fetch(hub, tmp_path)
    path = Path(said.split()[0])
    assert path.read_bytes() == BODY, "of the second name: the hub has no first"
    assert said.endswith(f"(0, {size}) ({size}, {size})\n")
    asked = len(_Hub.asked)
    assert _fetch(hub, tmp_path) == f"{path} cached\n"
    assert len(_Hub.asked) == asked, "what is here asks nobody"


def test_without_a_hub_one_line_names_the_ways_out_at_once(tmp_path: Path) -> None:
    said = _fetch(f"http://127.0.0.1:{free_ports(1)[0]}", tmp_path)
    kind, lines, text = said.split(maxsplit=2)
    assert (kind, lines) == ("UserError", "0")
    assert all(way in text for way in ("--weights", "HF_ENDPOINT", "--engine tags", "M T"))
