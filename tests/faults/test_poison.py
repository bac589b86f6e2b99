"""Bad rows and files beside good ones: each is a row with its reason, and no good one is lost."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import evidence, golden
from support.commands import Shop

pytestmark = pytest.mark.timeout(900)

LONG = "long" * 75  # 300 characters
GOOD = {"good": 40, "one frame": 1, "../../outside": 20, "a/b c": 21, "🎬 émoji": 22, LONG: 23}
# What is wrong with a file is found by reading it: at ingest where it is probed, else at embed.
BAD_FILES = {
    "zero bytes": "empty",
    "cut, index first": "undecodable",
    "cut, index last": "undecodable",
    "web page": "undecodable",
    "sound only": "undecodable",
    "no frames": "undecodable",
    "16k by 16k": "undecodable",
    "8 hours, it says": "undecodable",
}
# Found without reading.
BAD_PLACES = {
    "missing": "missing",
    "pipe": "undecodable",
    "loop": "missing",
    "folder": "undecodable",
}
FAULTS = {"hang": "timeout", "crash": "crashed"}
UNNAMED = ("rejected", "rejected")  # no id; the id of an earlier row


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of good clips and of everything that can be wrong with one."""
    folder = tmp_path_factory.mktemp("poison")
    locations = {id: golden.clip(folder / f"good-{n}.mp4", frames=n) for id, n in GOOD.items()}
    for number, make in enumerate((
        golden.zero_bytes, golden.truncated, _truncated_last, golden.html, golden.audio_only,
        golden.no_frames, golden.huge, golden.lying,
    )):  # fmt: skip
        locations[list(BAD_FILES)[number]] = make(folder / f"bad-{number}.mp4")
    os.mkfifo(folder / "pipe.mp4")
    (folder / "loop.mp4").symlink_to(folder / "loop.mp4")
    (folder / "folder.mp4").mkdir()
    locations |= {id: folder / f"{id}.mp4" for id in BAD_PLACES}
    rows = [(id, str(path), f"caption of {id}") for id, path in locations.items()]
    rows += [
        ("hang", "fake://hang?frames=8&fault=hang", "hangs"),
        ("crash", "fake://crash?frames=8&fault=exit", "crashes"),
        (None, str(locations["good"]), "no id"),
        ("good", str(locations["good"]), "the same id"),
    ]
    rows[1] = (*rows[1][:2], "")  # an empty caption is noted, and no fault
    ids, uris, captions = zip(*rows, strict=True)
    pq.write_table(
        pa.table({"videoID": ids, "videoLoc": uris, "txt": captions}), folder / "videos.parquet"
    )
    return folder / "videos.parquet"


def _truncated_last(path: Path) -> Path:
    return golden.truncated(path, faststart=False)


@pytest.mark.parametrize("probing", ["--probe", "--no-probe"])
def test_each_bad_row_has_its_reason_and_every_good_one_is_done(
    probing: str, table: Path, tmp_path: Path
) -> None:
    shop = Shop(tmp_path, DECODE_DEADLINE_S=8, DECODERS=2, SHARD_SIZE=12)
    shop.ok("ingest", str(table), "--corpus", "c", probing)
    for words in (("embed", "c", "--engine", "fake"), ("pool", "c"), ("index", "c")):
        shop.ok(*words)
    failed = shop.json("failures", "c")
    named = BAD_FILES | BAD_PLACES | FAULTS
    assert {row["id"]: row["reason"] for row in failed if row["id"] in named} == named
    others = [row for row in failed if row["id"] not in named]
    assert sorted((row["id"], row["reason"]) for row in others if row["id"]) == [
        ("good", "rejected")
    ]
    assert [row["reason"] for row in others if row["id"] is None] == ["rejected"]
    assert all(row["detail"] for row in failed)
    total = len(GOOD) + len(named) + len(UNNAMED)
    stages = evidence.status(shop.root)["stages"]
    at_ingest = len(BAD_PLACES) + len(UNNAMED) + (len(BAD_FILES) if probing == "--probe" else 0)
    assert stages["ingest"]["videos"]["failed"] == at_ingest
    for stage in ("embed", "pool", "index"):
        assert stages[stage]["videos"] == {
            "total": total, "done": len(GOOD), "failed": total - len(GOOD), "missing": 0
        }  # fmt: skip
    assert _frames(shop.root) == {id: -(-count // 25) for id, count in GOOD.items()}
    assert not list(tmp_path.parent.rglob("*outside*"))
    evidence.assert_rebuilt_the_same(shop.root)


def _frames(root: Path) -> dict[str, int]:
    """How many frame vectors each video has."""
    counts: dict[str, int] = {}
    for file in root.glob("corpora/c/embed/*/shard-*.parquet"):
        for id in pq.read_table(file).column("video_id").to_pylist():
            counts[id] = counts.get(id, 0) + 1
    return counts


def test_where_nothing_goes_through_the_run_fails_and_says_why(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.ok("ingest", "fake://3?undecodable=2&too_long=1", "--corpus", "c")
    ended = shop.run("embed", "c", "--engine", "fake")
    assert ended.code == 1
    last = ended.err.strip().splitlines()[-1]
    assert "2 undecodable, 1 too_long" in last and "reelflow failures c" in last
