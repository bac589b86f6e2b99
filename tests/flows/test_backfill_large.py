"""A backfill of a large corpus: every video has one outcome, and the flow's process stays small."""

import json
import time
from collections import Counter
from pathlib import Path
from statistics import median

import psutil
import pytest
from support import evidence, large
from support.commands import Run, Shop

VIDEOS, SHARD, WINDOW = 30_000, 100, 3_000
SHARDS = VIDEOS // SHARD
BROKEN = 30  # of them
MOST_MB = 400.0  # of the flow's process, its imports among it
GROWTH_MB = 24.0  # from the second quarter to the last, of which allocators keep some


@pytest.fixture
def shop(tmp_path: Path, served_backend: None) -> Shop:
    """A store with the corpus, whose commands find the tests' Prefect."""
    shop = Shop(tmp_path, SHARD_SIZE=SHARD)
    large.ingested(evidence.workplace(shop.root), "c", VIDEOS, BROKEN)
    return shop


@pytest.mark.timeout(1500)
def test_tens_of_thousands_of_videos_go_through_hundreds_of_shards_in_a_flat_process(
    shop: Shop,
) -> None:
    run = shop.start_real(
        "backfill", "embed", "--corpus", "c", "--engine", "fake", "--take-every-nth", "1",
        "--window", str(WINDOW), "--approve", "--json",
    )  # fmt: skip
    seen = watched(run, shop.root)
    ended = run.ended()
    assert ended.code == 0, ended.err
    said = json.loads(ended.out)
    assert (said["planned"], said["windows"]) == (VIDEOS, VIDEOS // WINDOW)
    assert (said["left"], said["shards_left"]) == (0, 0)
    # Queries between windows take some for a moment: what lasts is what would grow for ever.
    # The first quarter still loads what all windows use.
    second = median(size for done, size in seen if SHARDS // 4 < done <= SHARDS // 2)
    last = median(size for done, size in seen if SHARDS * 3 // 4 < done < SHARDS)
    assert last <= second + GROWTH_MB, seen[:: len(seen) // 20 + 1]
    assert max(size for _, size in seen) < MOST_MB
    assert_each_has_one_outcome(shop.root)


def watched(run: Run, root: Path) -> list[tuple[int, float]]:
    """Until the command ends: how many shards are done, and the MB that its process alone holds."""
    seen = []
    process = psutil.Process(run.pid)
    while run.alive():
        done = len(list(root.glob("corpora/c/embed/*/receipts/*.json")))
        try:
            seen.append((done, process.memory_full_info().uss / 1e6))
        except psutil.Error:
            break
        time.sleep(0.2)
    return seen


def assert_each_has_one_outcome(root: Path) -> None:
    """By the receipts, and by the catalogue."""
    said = [json.loads(r.read_bytes()) for r in root.glob("corpora/c/embed/*/receipts/*.json")]
    assert len(said) == SHARDS
    rows = [row for receipt in said for row in receipt["rows"]]
    assert Counter(row["id"] for row in rows) == Counter(large.id_of(n) for n in range(VIDEOS))
    assert sum(row["reason"] is not None for row in rows) == BROKEN
    assert evidence.status(root)["stages"]["embed"]["videos"] == {
        "total": VIDEOS, "done": VIDEOS - BROKEN, "failed": BROKEN, "missing": 0
    }  # fmt: skip
