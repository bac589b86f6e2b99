"""Files, rows and withdrawals that change between one stage and the next, and imports cut short."""

import json
import os
import time
from pathlib import Path

import numpy as np
import pytest
from support.corpora import FAKE, counts, reasons, videos
from support.corpora import table as write_table

from data.errors import UserError
from data.records import Video
from data.shards.lists import list_pending, read_shard
from data.shards.stages import current_stage
from engines.files.access import STRICT
from engines.video.frames import DecodeError
from engines.video.guard.source import SourceFile, verify_source
from engines.video.probe import hash_file
from flows.embed import embed
from flows.import_ragme import import_ragme
from flows.index import index
from flows.ingest import ingest
from flows.pool import pool
from flows.retry import retry_ingest
from tasks.embed.maintain import verify_videos
from tasks.generate.withdrawal import mark_withdrawn
from tasks.ingest import import_ragme as importing
from tasks.plan import plan_videos
from tasks.stages import register_embed

pytestmark = pytest.mark.usefixtures("plain_flows")


def test_a_file_replaced_after_ingest_is_never_stored_under_the_old_content(
    workspace, clips: Path
) -> None:
    source = table(clips, [{"videoID": str(n), "videoLoc": f"clip-{n}.mp4"} for n in range(3)])
    ingest(source, "c")
    _replace(clips / "clip-0.mp4", (clips / "clip-3.mp4").read_bytes() + b"\0")
    _replace(clips / "clip-1.mp4", (clips / "clip-1.mp4").read_bytes())  # copied back, the same
    assert embed("c", FAKE)["failed"] == {"missing": 1}
    assert reasons(workspace, "c") == {"0": "missing"}
    assert embed("c", FAKE)["failed"] == {"missing": 1}, "tried again, and still another file"
    ingest(source, "c")
    assert embed("c", FAKE)["done"] == 1
    assert videos(workspace, "c", "embed") == counts(3, 3)


def test_a_file_that_comes_back_is_embedded_by_the_next_night(workspace, clips: Path) -> None:
    source, path = table(clips, [{"videoID": "0", "videoLoc": "clip-0.mp4"}]), clips / "clip-0.mp4"
    ingest(table(clips / "more", [{"videoID": "f", "videoLoc": "fake://1"}]), "c")
    ingest(source, "c")
    path.rename(clips / "away.mp4")
    assert embed("c", FAKE)["failed"] == {"missing": 1}
    (clips / "away.mp4").rename(path)
    assert embed("c", FAKE)["done"] == 1


def test_a_file_replaced_while_it_is_decoded_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"first")
    status = path.stat()
    known = SourceFile(hash_file(str(path))[0], status.st_size, str(status.st_mtime_ns))

    def decode():
        yield "frames"
        _replace(path, b"other")
        return None

    parts = verify_source(decode(), str(path), _header(known), STRICT)  # type: ignore[arg-type]
    assert next(parts) == "frames"
    with pytest.raises(DecodeError, match="changed") as refused:
        next(parts)
    assert refused.value.reason == "missing"


def test_rows_without_a_location_fail_by_themselves(workspace, tmp_path: Path) -> None:
    import_ragme(_encoded(tmp_path, 2), "c", FAKE.model_copy(update={"model": "theirs"}))
    ingest("fake://2", "c")
    assert embed("c", FAKE)["failed"] == {"missing": 2}
    assert videos(workspace, "c", "embed") == counts(4, 2, 2)
    assert embed("c", FAKE)["shards"] == 0, "there is nothing to try again"
    assert verify_videos.fn(workspace, "c", 10, "") == []


def test_an_unforeseen_exception_fails_its_video_and_not_its_shard(workspace) -> None:
    ingest("fake://4?raise=1", "c")
    assert embed("c", FAKE)["failed"] == {"crashed": 1}
    assert embed("c", FAKE)["shards"] == 0


def test_a_killed_import_loses_no_vectors(
    workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = _encoded(tmp_path, 3)
    for stop in ("_write_shard", "FrameVectorWriter", "write_receipt"):
        with monkeypatch.context() as patch:
            patch.setattr(importing, stop, _die)
            with pytest.raises(KeyboardInterrupt):
                import_ragme(source, "c", FAKE)
    assert import_ragme(source, "c", FAKE)["new"] == 3
    assert import_ragme(source, "c", FAKE)["unchanged"] == 3
    assert videos(workspace, "c", "embed") == counts(3, 3)
    stage = current_stage(workspace.store, "c", "embed")
    assert list_pending(workspace.store, stage.folder) == []


def test_a_content_that_a_withdrawn_video_had_in_between_stays_withdrawn(
    workspace, clips: Path
) -> None:
    a, b = ((clips / f"clip-{n}.mp4").read_bytes() for n in "01")
    source = table(clips, [{"videoID": "x", "videoLoc": "clip-0.mp4"}])
    ingest(source, "c")
    mark_withdrawn(workspace, "c", "x", "asked to")
    for content in (b, a + b"\0"):
        _replace(clips / "clip-0.mp4", content)
        ingest(source, "c")
    table(clips, [{"videoID": "y", "videoLoc": "clip-1.mp4"}])  # of which the content is `b`
    ingest(source, "c")
    for _ in range(2):
        with workspace.open_catalog() as catalog:
            assert catalog.execute("SELECT id FROM shown") == []
        workspace.rebuild_catalog()


def test_withdrawn_videos_are_neither_embedded_nor_missing(workspace) -> None:
    ingest("fake://6", "c")
    stage = register_embed(workspace, "c", FAKE)
    mark_withdrawn(workspace, "c", "fake-000001", None)
    [shard] = plan_videos.fn(workspace, stage)
    items = read_shard(workspace.store, stage.folder, shard, lambda row: Video(**row)).items
    assert [item.id for item in items] == [f"fake-00000{n}" for n in (0, 2, 3, 4, 5)]
    mark_withdrawn(workspace, "c", "fake-000002", None)  # listed already
    assert embed("c", FAKE)["done"] == 4
    assert videos(workspace, "c", "embed") == counts(4, 4)
    pool("c")
    assert index("c")["count"] == 4


def test_a_disk_that_is_not_mounted_stops_the_ingest_and_hides_nothing(
    workspace, tmp_path: Path, clips: Path
) -> None:
    disk, data = tmp_path / "disk", (clips / "clip-0.mp4").read_bytes()
    disk.mkdir()
    for n in range(12):
        (disk / f"{n}.mp4").write_bytes(data)
    rows = [{"videoID": str(n), "videoLoc": f"disk/{n}.mp4"} for n in range(12)]
    source = table(tmp_path, rows)
    ingest(source, "c", probe=False)
    disk.rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="--accept-missing"):
        ingest(source, "c", probe=False)
    assert videos(workspace, "c", "ingest") == counts(12, 12)
    assert ingest(source, "c", probe=False, accept_missing=True)["failed"] == {"missing": 12}


def test_verifying_compares_what_was_only_stated_by_size_and_stamp(workspace, clips: Path) -> None:
    ingest(str(clips), "c", probe=False)
    assert verify_videos.fn(workspace, "c", 10, "") == []
    _replace(clips / "clip-2.mp4", b"other")
    [row] = verify_videos.fn(workspace, "c", 10, "")
    assert row["id"] == "clip-2"


def test_a_retry_trusts_what_the_source_of_each_row_may_open(
    workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks.ingest import part

    opened: list[str] = []
    policy = part.build_url_policy
    monkeypatch.setattr(
        part,
        "build_url_policy",
        lambda settings=None, source="": opened.append(source) or policy(settings, source),
    )
    sources = [table(tmp_path / n, [{"videoID": n, "videoLoc": "gone.mp4"}]) for n in "ab"]
    for source in sources:
        ingest(source, "c")
    opened.clear()
    for _ in range(2):
        retry_ingest("c")
    assert sorted(opened) == sorted(sources * 2), "the second time too"


def table(folder: Path, rows: list[dict]) -> str:
    return write_table(folder, [{"txt": "x"} | row for row in rows])


def _replace(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    later = time.time_ns() + 1_000_000_000
    os.utime(path, ns=(later, later))


def _header(source: SourceFile) -> dict:
    return {"content": source.content, "bytes": source.bytes, "stamp": source.stamp}


def _encoded(folder: Path, count: int) -> str:
    """What clip-video-encode leaves of videos whose files are gone."""
    out = folder / "encoded"
    out.mkdir()
    for n in range(count):
        np.save(out / f"{n}.npy", np.random.default_rng(n).normal(size=(3, 32)).astype(np.float16))
        (out / f"{n}.json").write_text(json.dumps({"videoID": str(n), "txt": "x"}))
    return str(out)


def _die(*_, **__) -> None:
    raise KeyboardInterrupt
