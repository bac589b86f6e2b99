"""kill -9 while features are made, then the same again: the same distance, nothing made twice."""

import json
import signal
from pathlib import Path

import pytest
from support.commands import Shop

REAL, MADE = "fake://7?frames=40", "fake://5?frames=41"
CLIPS = ("--extractor", "random_projection", "--frames", "4", "--window", "random")
COMMAND = ("fvd", MADE, "--real", REAL, *CLIPS)

MOMENTS = [
    ("before", "features/*/spec.json"),
    ("during", "features/*/shard-*.parquet"),
    ("after", "features/*/receipts/*.json"),
    ("during", "distances/*/clips.parquet"),
    ("before", "distances/*/result.json"),
]


def figures(root: Path) -> dict:
    """The result, but for when it was found, and the moments that it is of."""
    (file,) = root.glob("distances/*/result.json")
    moments = {name.name: name.read_bytes() for name in file.parent.glob("*.npz")}
    return json.loads(file.read_text()) | {"made": ""} | moments


def features(root: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in root.glob("features/*/shard-*.parquet")}


def finished(root: Path) -> dict[Path, int]:
    """The receipts, and when each was written."""
    return {file: file.stat().st_mtime_ns for file in root.glob("features/*/receipts/*.json")}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shop = Shop(tmp_path_factory.mktemp("undisturbed"))
    shop.ok(*COMMAND)
    return shop.root


@pytest.mark.timeout(600)
def test_killed_again_and_again_a_distance_is_the_same(undisturbed: Path, tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    for moment in MOMENTS:
        before = finished(shop.root)
        assert shop.run(*COMMAND, dies=moment).code == -signal.SIGKILL, moment
        assert before.items() <= finished(shop.root).items(), f"made twice, at {moment}"
    shop.ok(*COMMAND)
    assert figures(shop.root) == figures(undisturbed)
    assert features(shop.root) == features(undisturbed)
    assert not list(shop.root.rglob(".*.tmp"))


@pytest.mark.ray
@pytest.mark.timeout(600)
def test_three_workers_find_the_same_as_one(
    undisturbed: Path, tmp_path: Path, ray_cluster: str
) -> None:
    shop = Shop(tmp_path, RUNNER="ray", RAY_ADDRESS=ray_cluster, WORKERS=3)
    shop.ok(*COMMAND)
    assert figures(shop.root) == figures(undisturbed)
    assert features(shop.root) == features(undisturbed)
