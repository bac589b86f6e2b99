"""One bad remote row of each kind between good ones: every row has its reason, none ends a run."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.bad_server import BadServer, serve
from support.corpora import FAKE, counts, reasons, videos

from data.errors import UserError
from data.settings import Settings
from data.workspace import Workspace, open_workspace
from engines.files import faults, web
from flows.embed import embed
from flows.ingest import ingest

pytestmark = pytest.mark.usefixtures("plain_flows")

UNREACHABLE = ("401", "403", "429", "500", "503", "cut", "short", "long", "huge", "endless",
               "silent", "loop", "nowhere", "rude", "noise")  # fmt: skip
KINDS = dict.fromkeys(UNREACHABLE, "unreachable") | {
    "404": "missing", "410": "missing", "drip": "timeout"
}  # fmt: skip
ADDRESSES = {
    "http://nobody.invalid/a.mp4": "unreachable",
    "s3://bucket/a.mp4": "unreachable",
    "gs://bucket/a.mp4": "rejected",
    "az://box/a.mp4": "rejected",
    "abfs://box/a.mp4": "rejected",
    "ftp://127.0.0.1/a.mp4": "rejected",
    "sftp://127.0.0.1/a.mp4": "rejected",
    "nosuch://x/a.mp4": "rejected",
    "http://": "rejected",
    "http://h:99999/a.mp4": "rejected",
    "https://planted@127.0.0.1/a.mp4": "rejected",
}


@pytest.fixture
def server(clips: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BadServer]:
    from fsspec.implementations.http import HTTPFileSystem

    for key in [key for key in os.environ if key.startswith("AWS_")]:
        monkeypatch.delenv(key)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("REELFLOW_DECODE_DEADLINE_S", "12")
    monkeypatch.setattr(faults, "PAUSES_S", (0.0, 0.0))
    monkeypatch.setattr(web, "READ_TIMEOUT_S", 0.5)
    monkeypatch.setattr(web, "STAT_TIMEOUT_S", 1.0)
    HTTPFileSystem.clear_instance_cache()
    with serve(clips) as served:
        yield served
    HTTPFileSystem.clear_instance_cache()


@pytest.fixture
def workspace(workspace: Workspace, server: BadServer) -> Workspace:
    """With the deadline that the server's fixture sets."""
    return open_workspace(Settings())


def write_table(server: BadServer, folder: Path, uris: dict[str, str]) -> str:
    """A table on the server itself, whose host its rows may name."""
    rows = [{"videoID": id, "videoLoc": uri, "txt": id} for id, uri in uris.items()]
    (folder / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return f"{server.url}/good/t.jsonl"


@pytest.mark.slow  # a real time-out is among them
def test_each_bad_row_has_its_reason_and_good_rows_go_on(
    workspace: Workspace, server: BadServer, clips: Path
) -> None:
    good = [f"{server.url}/{kind}/clip-{n}.mp4" for n, kind in enumerate(("good", "whole"))]
    bad = {f"{server.url}/{kind}/clip-0.mp4": reason for kind, reason in KINDS.items()}
    expected = {"refused": "unreachable", **bad, **ADDRESSES}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        uris = {"refused": f"http://127.0.0.1:{free.getsockname()[1]}/a.mp4"}
    uris = {"first": good[0]} | {uri: uris.get(uri, uri) for uri in expected} | {"last": good[1]}
    made = ingest(write_table(server, clips, uris), "c")
    assert made["new"] == 2
    ids = {id: id.replace("planted@", "") for id in expected}
    assert reasons(workspace, "c") == {ids[id]: reason for id, reason in expected.items()}
    assert embed("c", FAKE)["done"] == 2
    assert not [file for file in workspace.store.local_path("").rglob("*")
                if file.is_file() and b"planted" in file.read_bytes()]  # fmt: skip


def test_a_host_that_delivers_nothing_ends_the_run_once_all_is_recorded(
    workspace: Workspace, server: BadServer, clips: Path
) -> None:
    dead = {f"d{n}": f"http://127.0.0.1:1/{n}.mp4" for n in range(30)}
    source = write_table(server, clips, dead | {"good": f"{server.url}/good/clip-0.mp4"})
    with pytest.raises(UserError, match=r"127\.0\.0\.1:1") as error:
        ingest(source, "c")
    assert "30 rows" in str(error.value) and "--reason unreachable" in str(error.value)
    assert videos(workspace, "c", "ingest") == counts(31, 1, 30)
    assert set(reasons(workspace, "c").values()) == {"unreachable"}


@pytest.mark.slow  # attempts with real pauses
def test_a_host_that_is_gone_when_videos_are_embedded_ends_the_run_and_is_tried_again(
    workspace: Workspace, server: BadServer, clips: Path
) -> None:
    for n in range(12):
        (clips / f"v{n}.mp4").write_bytes((clips / "clip-0.mp4").read_bytes() + bytes([n]))
    uris = {f"v{n}": f"{server.url}/good/v{n}.mp4" for n in range(12)}
    assert ingest(write_table(server, clips, uris), "c")["new"] == 12
    server.is_down = True
    with pytest.raises(UserError, match=r"12 (rows|videos)"):
        embed("c", FAKE)
    assert set(reasons(workspace, "c").values()) == {"unreachable"}
    server.is_down = False
    assert embed("c", FAKE)["done"] == 12


def test_a_known_video_stays_good_while_its_host_is_away(
    workspace: Workspace, server: BadServer, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uris = {"a": f"{server.url}/good/clip-0.mp4", "b": f"{server.url}/flaky/clip-1.mp4"}
    source = write_table(server, clips, uris)
    assert ingest(source, "c")["new"] == 2
    server.requests.clear()
    monkeypatch.setattr(faults, "PAUSES_S", ())  # the flaky one fails at the first attempt
    made = ingest(source, "c")
    assert made["unchanged"] == 1 and made["failed"] == {"unreachable": 1}
    assert videos(workspace, "c", "ingest") == counts(2, 2)


def test_a_signed_link_works_in_its_run_and_is_the_same_row_tomorrow(
    workspace: Workspace, server: BadServer, clips: Path
) -> None:
    def sign(day: int) -> str:
        link = f"{server.url}/signed/clip-0.mp4?X-Amz-Date={day}&X-Amz-Signature=planted{day}"
        rows = {"a": link, "b": f"{server.url}/good/clip-1.mp4?part=2"}
        return write_table(server, clips, rows)

    assert ingest(sign(1), "c")["new"] == 2
    assert embed("c", FAKE)["done"] == 2
    tonight = ingest(sign(2), "c")
    assert (tonight["unchanged"], tonight["changed"]) == (2, 0)
    assert any("planted2" in query for query in server.queries)
    assert not [file for file in workspace.store.local_path("").rglob("*")
                if file.is_file() and b"planted" in file.read_bytes()]  # fmt: skip


@pytest.mark.slow
@pytest.mark.usefixtures("prefect_backend")
def test_a_signature_is_not_in_prefects_database_either(
    workspace: Workspace, server: BadServer, clips: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL

    links = {
        "a": f"{server.url}/signed/clip-0.mp4?X-Amz-Signature=planted",
        "b": f"{server.url}/403/clip-1.mp4?sig=planted&sv=1",
        f"{server.url}/c?access_token=planted": f"{server.url}/cut/clip-1.mp4#token=planted",
    }
    ingest(write_table(server, clips, links), "c")
    assert embed("c", FAKE)["done"] == 1
    database = Path(str(PREFECT_API_DATABASE_CONNECTION_URL.value()).partition("///")[2])
    held = [database, *database.parent.glob(f"{database.name}-*")]
    held += [file for file in workspace.store.local_path("").rglob("*") if file.is_file()]
    assert database.stat().st_size
    assert not [file for file in held if b"planted" in file.read_bytes()]
    assert "planted" not in caplog.text


def test_an_ingest_that_failed_as_a_whole_is_told_by_status_and_failures(
    workspace: Workspace, server: BadServer, clips: Path, reelflow
) -> None:
    source = write_table(server, clips, {"a": f"{server.url}/good/clip-0.mp4"})
    (clips / "t.parquet").write_bytes(b"PAR1")  # read after the good table, in mid-ingest
    for corpus in ("fresh", "c"):
        if corpus == "c":
            ingest(source, corpus)
        with pytest.raises(UserError):
            ingest(f"{clips}/t.*", corpus)
    for command in ("failures", "status"):
        code, _, told = reelflow(command, "c")
        assert code == 0 and "t.parquet" in told and "failed" in told
        code, _, told = reelflow(command, "fresh")
        assert code == 1 and "t.parquet" in told and "failed" in told and "no corpus" not in told
    (clips / "t.parquet").unlink()
    ingest(f"{clips}/t.*", "c")
    assert reelflow("status", "c")[2] == ""


@pytest.mark.parametrize("kind", ["cut", "500", "403", "short", "silent", "loop"])
def test_a_table_that_is_not_delivered_is_one_clear_error(
    workspace: Workspace, server: BadServer, clips: Path, kind: str
) -> None:
    write_table(server, clips, {"a": "/nowhere.mp4"})
    with pytest.raises(UserError, match=r"t\.jsonl"):
        ingest(f"{server.url}/{kind}/t.jsonl", "c")
