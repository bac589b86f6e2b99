"""Commands where what they take for granted is missing: streams, folders, a network."""

import os
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from support.running import free_ports

from flows.cli.surroundings import prepare_folders
from tasks.service.proxies import spare_loopback

REELFLOW = [sys.executable, "-m", "flows.cli.main"]
HIDDEN = ("PREFECT_API_URL", "PREFECT_LOGGING_LEVEL")  # as the tests themselves have them
PROXIED = [f"{name}_PROXY" for name in ("HTTP", "HTTPS", "ALL")]


def run(*words: str, cwd: Path | None = None, shell: str = "", **environment: str):
    """A command as a user types it; `shell` is what follows it on the line, like `>&-`."""
    given = {name: value for name, value in os.environ.items() if name not in HIDDEN}
    line = ["sh", "-c", f'exec "$@" {shell}', "sh", *REELFLOW, *words]
    return subprocess.run(
        line, env=given | environment, capture_output=True, text=True, cwd=cwd, timeout=240
    )


@pytest.mark.parametrize("stream", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_a_closed_stream_is_no_error(stream: str, tmp_path: Path) -> None:
    ended = run("failures", "c", "--json", shell=stream, REELFLOW_ROOT=str(tmp_path))
    assert ended.returncode == 1
    assert "isatty" not in ended.stderr
    if "2>" not in stream:
        assert "no corpus 'c'" in ended.stderr
    assert [file for file in tmp_path.rglob("*") if b"reelflow:" in _content(file)] == []


def test_nothing_is_said_to_who_no_longer_listens() -> None:
    ended = run("--help", shell="| true")
    assert (ended.returncode, ended.stderr) == (0, "")


def test_an_old_terminal_gets_what_it_can_show(tmp_path: Path) -> None:
    ended = run(
        "failures", "ça…", PYTHONIOENCODING="ascii", PYTHONUTF8="0", REELFLOW_ROOT=str(tmp_path)
    )
    assert ended.returncode == 1
    assert "UnicodeEncodeError" not in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("home", ["/proc/nowhere", "/proc", "missing/too"])
def test_without_a_home_there_is_a_private_one(
    home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("HOME", home if home.startswith("/") else str(tmp_path / home))
    warning = prepare_folders()
    assert warning and home in warning and "set HOME" in warning
    private = Path(os.environ["HOME"])
    assert private.parent == tmp_path and private.stat().st_mode & 0o777 == 0o700


def test_a_home_that_somebody_else_prepared_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("HOME", "/proc/nowhere")
    (tmp_path / "trap").mkdir()
    (tmp_path / f"reelflow-home-{os.getuid()}").symlink_to(tmp_path / "trap")
    with pytest.raises(Exception, match="private"):
        prepare_folders()


def test_a_temporary_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    ended = run("failures", "c", TMPDIR="/proc", REELFLOW_ROOT=str(tmp_path))
    assert ended.returncode == 1
    assert "TMPDIR (/proc)" in ended.stderr and len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", [["ingest", "fake://2", "--corpus", "c"], ["up"], ["top"]])
def test_a_store_that_cannot_be_written_is_named_in_a_line(command: list[str]) -> None:
    ended = run(*command, REELFLOW_ROOT="/sys/store", cwd=Path("/sys"))
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert "/sys/store" in ended.stderr or command == ["top"]


@pytest.mark.parametrize("names", [PROXIED, [name.lower() for name in PROXIED]])
def test_this_machine_is_excepted_from_proxies_and_nothing_else(names: list[str]) -> None:
    import httpx
    from httpx._utils import get_environment_proxies

    given = dict.fromkeys(names, "http://proxy.example:3128") | {"NO_PROXY": "intra.example"}
    with pytest.MonkeyPatch.context() as patch:
        for name in (*PROXIED, "NO_PROXY"):
            patch.delenv(name, raising=False)
            patch.delenv(name.lower(), raising=False)
        for name, value in spare_loopback(given, "10.1.2.3").items():
            patch.setenv(name, value)
        routes = get_environment_proxies()
        assert routes["http://"] == routes["https://"] == "http://proxy.example:3128"
        spared = {name for name, proxy in routes.items() if proxy is None}
        assert {"all://127.0.0.1", "all://localhost", "all://[::1]", "all://10.1.2.3"} < spared
        assert "all://*intra.example" in spared
        httpx.Client().close()


def test_a_proxy_that_socks_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx

    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    httpx.Client().close()


def test_a_command_works_behind_a_proxy_that_does_not_answer(tmp_path: Path) -> None:
    """Prefect's temporary server is on this machine."""
    dead = f"http://127.0.0.1:{free_ports(1)[0]}"
    begun = time.monotonic()
    ended = run(
        "ingest", "fake://2", "--corpus", "c", HTTP_PROXY=dead, http_proxy=dead, ALL_PROXY=dead,
        REELFLOW_ROOT=str(tmp_path / "store"), REELFLOW_RUNNER="in_process",
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert time.monotonic() - begun < 240


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(404 if "api" in self.path else 200)
        self.end_headers()
        self.wfile.write(b"<html>a page of somebody else's</html>")

    def log_message(self, *words: object) -> None: ...


@pytest.fixture
def stranger():
    server = HTTPServer(("127.0.0.1", 0), _Page)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.mark.parametrize("command", [["ingest", "fake://2", "--corpus", "c"], ["top", "--once"]])
@pytest.mark.parametrize("kind", ["dead", "page", "path", "nonsense"])
def test_an_address_without_a_prefect_is_named_with_its_variable(
    command: list[str], kind: str, stranger: str, tmp_path: Path
) -> None:
    url = {
        "dead": f"http://127.0.0.1:{free_ports(1)[0]}/api", "page": stranger,
        "path": f"{stranger}/api", "nonsense": "http://no such host/api",
    }[kind]  # fmt: skip
    begun = time.monotonic()
    ended = run(*command, PREFECT_API_URL=url, REELFLOW_ROOT=str(tmp_path))
    assert ended.returncode == 1
    assert url in ended.stderr and "PREFECT_API_URL" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert time.monotonic() - begun < 120


def _content(file: Path) -> bytes:
    return file.read_bytes() if file.is_file() else b""
