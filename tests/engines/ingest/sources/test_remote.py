"""Sources in an object store give what the same files on disk give."""

import io
import json
import socket
import tarfile
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import fsspec
import pytest

from data.errors import UserError
from data.outcome import Failed
from engines.files import faults
from engines.files.access import UrlPolicy
from engines.files.faults import Unreachable
from engines.files.media import open_filesystem, open_media, stat_media
from engines.ingest.open_source import open_source
from engines.video.frames import DecodeError
from engines.video.guard.guard import Guard
from engines.video.guard.protocol import receive_message
from engines.video.guard.worker import answer_request

moto_server = pytest.importorskip("moto.server")
s3fs = pytest.importorskip("s3fs")


@pytest.fixture(scope="module")
def bucket() -> Iterator[Any]:
    """A file system with the bucket `corpus`, reached by the usual variables only."""
    server = moto_server.ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "key")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        s3fs.S3FileSystem.clear_instance_cache()
        files = fsspec.filesystem("s3")
        files.mkdir("corpus")
        yield files
        s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


def test_a_remote_table_resolves_against_its_place(bucket: Any) -> None:
    bucket.pipe("corpus/tables/x.csv", b"videoID,videoLoc,txt\na,../clips/a b.mp4,x\nb,/b.mp4,y\n")
    for src in ("s3://corpus/tables/x.csv", "s3://corpus/tables", "s3://corpus/tab*/*.csv"):
        assert [(row.id, row.uri) for row in open_source(src)] == [
            ("a", "s3://corpus/clips/a b.mp4"),
            ("b", "/b.mp4"),
        ]


def test_a_remote_folder_lists_its_videos(bucket: Any) -> None:
    bucket.pipe({"corpus/v/b.mp4": b"b", "corpus/v/a/c.mp4": b"ccc", "corpus/v/a/c.txt": b"hello"})
    bucket.touch("corpus/v/")
    rows = list(open_source("s3://corpus/v/"))
    assert [(row.id, row.caption) for row in rows] == [("b", None), ("a/c", "hello")]
    assert rows[1].uri == "s3://corpus/v/a/c.mp4"
    assert open_media(rows[1].uri).read() == b"ccc"
    assert [row.id for row in open_source("s3://corpus/v/**/*.mp4")] == ["b", "a/c"]
    assert [row.id for row in open_source("s3://corpus/v/b.mp4")] == ["b"]


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_a_remote_tar_is_read_in_place(bucket: Any, ending: str) -> None:
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode=f"w:{ending[1:]}") as tar:  # type: ignore[call-overload]
        for name in ("a.mp4", "b.mp4"):
            info = tarfile.TarInfo(name)
            info.size = 1000
            tar.addfile(info, io.BytesIO(name[:1].encode() * 1000))
    bucket.pipe(f"corpus/t/x-0.tar{ending}", body.getvalue())
    rows = list(open_source(f"s3://corpus/t/x-{{0..0}}.tar{ending}"))
    for row, letter in zip(rows, (b"a", b"b"), strict=True):
        assert row.uri is not None
        with open_media(row.uri) as file:
            assert file.read() == letter * 1000


def test_a_change_shows_in_the_stamp(bucket: Any) -> None:
    bucket.pipe("corpus/x.mp4", b"one")
    before = stat_media("s3://corpus/x.mp4")
    bucket.pipe("corpus/x.mp4", b"two")
    after = stat_media("s3://corpus/x.mp4")
    assert (before[0], after[0]) == (3, 3)
    assert before[1] != after[1]


def test_what_is_not_there_is_missing(bucket: Any) -> None:
    for uri in ("s3://corpus/nothing.mp4", "s3://nobucket/x.mp4", "tar::s3://corpus/no.tar#0:1/a"):
        for ask in (open_media, stat_media):
            with pytest.raises(FileNotFoundError):
                ask(uri)
    for src in ("s3://corpus/nothing.csv", "s3://corpus/nothing", "s3://nobucket/*.mp4"):
        with pytest.raises(UserError):
            open_source(src)


def test_a_storage_out_of_reach_is_a_fault_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*args: object, **more: object) -> None:
        raise RuntimeError("nobody there")

    monkeypatch.setattr(faults, "PAUSES_S", (0.0, 0.0))
    monkeypatch.setattr(fsspec.get_filesystem_class("memory"), "_open", unreachable)
    with pytest.raises(Unreachable, match="nobody there"):
        open_media("memory://reach/x.mp4")


def test_imports_for_a_remote_video_are_not_on_its_time(
    bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engines.video import probe

    began: list[bool] = []

    def probed(uri: str, policy: UrlPolicy) -> Any:
        assert policy == UrlPolicy(("s3",), private=True)
        ours.settimeout(30)
        assert receive_message(ours, 30)[0] == {"kind": "begin"}
        began.append(open_filesystem(uri)[0]._s3 is not None)
        raise DecodeError("missing", "seen enough")

    monkeypatch.setattr(probe, "probe_video", probed)
    s3fs.S3FileSystem.clear_instance_cache()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        limits = {"memory_gb": float("inf"), "policy": asdict(UrlPolicy(("s3",), private=True))}
        request = json.loads(json.dumps(limits | {"op": "probe", "uri": "s3://corpus/a.mp4"}))
        answer_request(theirs, request, set())
        assert receive_message(ours, 30)[0]["reason"] == "missing"
    assert began == [True]


def test_a_child_that_is_let_in_nowhere_says_what_to_set(
    bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with Guard(1) as guard:
        outcome = next(iter(guard.probe([("a", "s3://corpus/a.mp4")])))
    assert isinstance(outcome, Failed) and outcome.reason == "unreachable"
    assert "AWS_ACCESS_KEY_ID" in outcome.detail


def test_a_folder_that_cannot_be_listed_is_a_row_of_its_own(
    bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.pipe({"corpus/u/a.mp4": b"a", "corpus/u/in/b.mp4": b"b", "corpus/u/z/c.mp4": b"c"})
    listed = s3fs.S3FileSystem._lsdir

    async def list_some(self: Any, path: str, *args: object, **more: object) -> Any:
        if path.endswith("/in"):
            raise PermissionError("denied")
        return await listed(self, path, *args, **more)

    monkeypatch.setattr(s3fs.S3FileSystem, "_lsdir", list_some)
    rows = list(open_source("s3://corpus/u"))
    assert [row.id for row in rows] == ["a", None, "z/c"]
    assert "corpus/u/in" in str(rows[1].columns["error"])
