"""kill -9 while videos are measured, then the same again: the same rows, none measured twice."""

import json
import signal
from pathlib import Path

import pytest
from support import evidence, golden
from support.commands import Shop

FOLDER = "evaluations/*"
MOMENTS = [
    ("before", f"{FOLDER}/spec.json"),
    ("during", f"{FOLDER}/shards/000001.json"),
    ("during", f"{FOLDER}/shard-*.parquet"),
    ("after", f"{FOLDER}/shard-*.parquet"),
    ("after", f"{FOLDER}/receipts/*.json"),
    ("during", f"{FOLDER}/scores.parquet"),
    ("after", f"{FOLDER}/summary.json"),
    ("during", "catalogue:evaluations"),
]


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    for n in range(6):
        golden.clip(folder / f"{n}.mp4", frames=8 + n, fps=8)
    golden.html(folder / "3a.mp4")
    return folder


def command(videos: Path) -> tuple[str, ...]:
    steady = ("--metrics", "temporal_consistency", "--num-frames", "8")
    return ("evaluate", str(videos), "--method", "ours", *steady)


def made(root: Path) -> dict[str, bytes]:
    """What an evaluation says, but for when and where."""
    (folder,) = root.glob(FOLDER)
    files = [*folder.glob("*.parquet"), *folder.glob("shards/*.json")]
    said = json.loads((folder / "summary.json").read_text()) | {"made": ""}
    return {file.name: file.read_bytes() for file in sorted(files)} | {
        "summary.json": json.dumps(said).encode()
    }


def finished(root: Path) -> dict[Path, int]:
    """The receipts, and when each was written."""
    return {file: file.stat().st_mtime_ns for file in root.glob(f"{FOLDER}/receipts/*.json")}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, videos: Path) -> Path:
    shop = Shop(tmp_path_factory.mktemp("undisturbed"), SHARD_SIZE=2)
    shop.ok(*command(videos))
    return shop.root


@pytest.mark.timeout(600)
def test_killed_again_and_again_an_evaluation_says_the_same(
    undisturbed: Path, videos: Path, tmp_path: Path
) -> None:
    shop = Shop(tmp_path, SHARD_SIZE=2)
    for moment in MOMENTS:
        before = finished(shop.root)
        assert shop.run(*command(videos), dies=moment).code == -signal.SIGKILL, moment
        assert before.items() <= finished(shop.root).items(), f"measured twice, at {moment}"
    shop.ok(*command(videos))
    assert made(shop.root) == made(undisturbed)
    assert not evidence.partials(shop.root)
    (row,) = shop.json("evaluations")
    assert (row["videos"], row["failed"], row["n"]) == (7, 1, 6)


@pytest.mark.ray
@pytest.mark.timeout(600)
@pytest.mark.parametrize("workers", [2, 3])
def test_any_number_of_workers_says_the_same_also_killed_half_way(
    undisturbed: Path, videos: Path, tmp_path: Path, ray_cluster: str, workers: int
) -> None:
    shop = Shop(tmp_path, SHARD_SIZE=2, RUNNER="ray", RAY_ADDRESS=ray_cluster, WORKERS=workers)
    if workers == 2:
        moment = ("after", f"{FOLDER}/receipts/*.json", 2)
        assert shop.run(*command(videos), dies=moment).code == -signal.SIGKILL
    shop.ok(*command(videos))
    assert made(shop.root) == made(undisturbed)
