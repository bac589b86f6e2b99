"""Two runs of one command at once: one works, the other waits, and takes over if it must."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support import evidence
from support.commands import REPOSITORY, Run, Shop, wait_until

EMBED = ("embed", "c", "--engine", "fake")
VIDEOS, SHARDS = 6, 3
SLOW = f"fake://{VIDEOS}?frames=60&seconds=1"  # time to interfere

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    shop = Shop(tmp_path, SHARD_SIZE=2)
    shop.ok("ingest", SLOW, "--corpus", "c")
    return shop


def holder(shop: Shop) -> int | None:
    """The process that runs embed, as its lock says."""
    try:
        return json.loads((shop.root / "locks/corpora-c-embed.lock").read_text())["pid"]
    except (OSError, ValueError):
        return None


@contextmanager
def stopped(run: Run) -> Iterator[None]:
    """The run holds its breath for the block."""
    os.kill(run.pid, signal.SIGSTOP)
    yield
    os.kill(run.pid, signal.SIGCONT)


def shards_done(run: Run) -> int:
    line = next(line for line in run.out.splitlines() if line.startswith("shards"))
    return int(line.split()[1])


def test_two_runs_started_at_once_do_each_shard_once(shop: Shop) -> None:
    runs = [shop.start(*EMBED) for _ in range(2)]
    assert [run.ended().code for run in runs] == [0, 0]
    assert sum(map(shards_done, runs)) == SHARDS
    evidence.assert_rebuilt_the_same(shop.root)


def test_who_waits_says_for_whom_and_then_finds_everything_done(shop: Shop) -> None:
    first = shop.start(*EMBED)
    wait_until(lambda: holder(shop) == first.pid, "the first run works")
    with stopped(first):
        second = shop.start(*EMBED)
        said = f"waiting for process {first.pid} on {socket.gethostname()}, which runs embed on c"
        wait_until(lambda: said in second.err, f"it said {said}")
    assert (first.ended().code, second.ended().code) == (0, 0)
    assert (shards_done(first), shards_done(second)) == (SHARDS, 0)


def test_who_waits_takes_over_from_a_run_that_is_killed(shop: Shop) -> None:
    first = shop.start(*EMBED)
    wait_until(lambda: list(shop.root.glob("corpora/c/embed/*/receipts/*.json")), "a receipt")
    os.kill(first.pid, signal.SIGSTOP)
    before = evidence.committed(shop.root)
    second = shop.start(*EMBED)
    wait_until(lambda: "waiting for process" in second.err, "the second run waits")
    first.kill()
    assert second.ended().code == 0, second.err
    assert before.items() <= evidence.committed(shop.root).items()
    assert shards_done(second) == SHARDS - len([name for name in before if "receipts" in name])
    assert evidence.status(shop.root)["stages"]["embed"]["videos"]["done"] == VIDEOS


def test_patience_has_an_end_that_names_the_holder(shop: Shop) -> None:
    first = shop.start(*EMBED)
    wait_until(lambda: holder(shop) == first.pid, "the first run works")
    with stopped(first):
        second = shop.run(*EMBED, WAIT_S=0.2)
    assert second.code == 1
    assert f"process {first.pid}" in second.err.strip().splitlines()[-1]
    assert first.ended().code == 0


def test_other_stages_need_not_wait(shop: Shop) -> None:
    first = shop.start(*EMBED)
    wait_until(lambda: holder(shop) == first.pid, "the first run works")
    wait_until(lambda: list(shop.root.glob("corpora/c/embed/*/canary-1.parquet")), "it decodes")
    shop.ok("ingest", "fake://9?frames=60", "--corpus", "c")
    assert first.ended().code == 0


WRITES = """
import sys, time
from pathlib import Path
from data.catalog.database import open_catalog
with open_catalog(Path(sys.argv[1])) as catalog, catalog.transaction():
    catalog.execute("DELETE FROM videos")
    print("writes", flush=True)
    time.sleep(600)
"""


def test_the_catalogue_of_a_writer_that_died_is_taken_over_as_it_was(shop: Shop) -> None:
    words = [sys.executable, "-c", WRITES, str(shop.root / "catalog.duckdb")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as writer:
        assert writer.stdout is not None and writer.stdout.readline() == "writes\n"
        said = shop.run("status", "c", WAIT_S=0.2)
        assert said.code == 1
        assert f"process {writer.pid} on {socket.gethostname()} has the catalogue" in said.err
        writer.kill()
    assert shop.json("status", "c")["stages"]["embed"]["videos"]["total"] == VIDEOS
