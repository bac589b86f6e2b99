"""Known faults of dependencies are found where somebody tells of them, and no scan is claimed
where nobody does."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import scan

pytestmark = pytest.mark.timeout(400)
HASH = f"--hash=sha256:{'0' * 64}"
MENDED = [{"introduced": "0"}, {"fixed": "2.1"}]
FAULTS = {"kept": MENDED, "mended": MENDED, "unmended": MENDED[:1]}


@pytest.fixture
def known() -> Iterator[tuple[str, ...]]:
    """The options that ask a service which knows of two packages' faults, by OSV's protocol."""

    class Osv(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["package"]
            ranges = [{"type": "ECOSYSTEM", "events": FAULTS.get(asked["name"])}]
            fault = {
                "id": f"PYSEC-{asked['name']}",
                "affected": [{"package": asked, "ranges": ranges}],
            }
            self.send_response(200)
            self.end_headers()
            found = {"vulns": [fault]} if asked["name"] in FAULTS else {}
            self.wfile.write(json.dumps(found).encode())

        def log_message(self, *words: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Osv) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield "-s", "osv", "--osv-url", f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def locked(folder: Path, *names: str) -> Path:
    file = folder / "requirements.lock"
    file.write_text("".join(f"{name}==2.0 \\\n    {HASH}\n    # via it\n" for name in names))
    return file


def test_a_fault_that_a_release_mends_fails_where_it_is_not_accepted_others_are_said(
    known: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setitem(scan.ACCEPTED, "PYSEC-kept", "whose part nobody here calls")
    assert scan.main(*known, lock=locked(tmp_path, "good", "kept", "mended", "unmended")) == 1
    assert capsys.readouterr().out.splitlines() == [
        "kept 2.0: PYSEC-kept, whose part nobody here calls",
        "mended 2.0: PYSEC-mended is mended in 2.1: make lock",
        "unmended 2.0: PYSEC-unmended, which nothing mends yet",
        "dependencies: 4 scanned",
    ]


def test_where_nobody_answers_nothing_is_claimed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody = ("-s", "osv", "--osv-url", "http://127.0.0.1:9/")
    assert scan.main(*nobody, lock=locked(tmp_path, "good")) == 0
    assert capsys.readouterr().out.startswith("dependencies: not scanned, ")


def test_the_lock_has_what_is_scanned() -> None:
    first = scan.LOCK.read_text().split("\n    # via")[0]
    assert "==" in first and "--hash=sha256:" in first
