"""A backfill in a thousand shards, whole; and what planning takes beside a million videos."""

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from bench import watched
from bench.figures import Figure
from bench.job import Job
from support import large

from data.catalog import merge
from data.runs.backfill import estimate_remaining
from data.settings import Settings
from data.specs.pipeline import EmbedSpec
from data.workspace import open_workspace
from tasks.stages import register_embed

CORPUS, SPEC, SIZE = "million", EmbedSpec(engine="fake"), 500
T = TypeVar("T")


def measure(job: Job) -> Iterator[Figure]:
    yield from _whole(job)
    yield from _planning(job)


def _whole(job: Job) -> Iterator[Figure]:
    """A hundred videos a shard, a hundred shards a window, all in one process."""
    folder, count = job.scratch / "windows", job.size(100_000, 2_000)
    settings = {"shard_size": 100, "runner": "in_process", "decoders": 1}
    large.ingested(open_workspace(Settings(root=str(folder / "store"))), CORPUS, count)
    words = ("backfill", "embed", "--corpus", CORPUS, "--engine", "fake", "--take-every-nth", "1",
             "--window", "10000", "--approve", "--json")  # fmt: skip
    ran = watched.command(*words, folder=folder, **settings)
    assert (ran.said["planned"], ran.said["left"]) == (count, 0)
    yield Figure("backfill", f"{count:,} fakes in {count // 100:,} shards", ran.seconds, "s")
    yield Figure("backfill", "memory of its process at most, PSS", ran.pss["driver"], "MB")


def _planning(job: Job) -> Iterator[Figure]:
    """Of a corpus that nothing is done of, then of one that is done: by the command, whole."""
    folder, count = job.scratch / "million", job.size(1_000_000, 20_000)
    workspace = open_workspace(Settings(root=str(folder / "store"), shard_size=SIZE))
    large.ingested(workspace, CORPUS, count)
    stage = register_embed(workspace, CORPUS, SPEC)
    with workspace.open_catalog() as catalog:
        merge.sync_videos(catalog, workspace.store, CORPUS)
    where = "number % 2 = 0 and duration > 5"
    planned, seconds = _timed(lambda: estimate_remaining(workspace, stage, where))
    assert planned.videos == count // 2
    yield Figure("backfill", f"videos in the catalogue: {count:,}; planned", planned.videos, "")
    yield Figure("backfill", "planning a backfill", seconds, "s", most=2)
    large.finished(workspace, stage, count, SIZE)
    catalog = folder / "elsewhere" / "catalog.duckdb"
    words = ("backfill", "embed", "--corpus", CORPUS, "--engine", "fake", "--json")
    for machine in ("where no catalogue is yet", "where the catalogue is current"):
        ran = watched.command(*words, folder=folder, catalog=catalog)
        assert (ran.said["matching"], ran.said["videos"], ran.said["pending"]) == (count, 0, 0)
        what = f"planning again, when complete, {machine}, with start-up"
        yield Figure("backfill", what, ran.seconds, "s", most=10)
        yield Figure("backfill", "memory of its process at most, PSS", ran.pss["driver"], "MB")


def _timed(call: Callable[[], T]) -> tuple[T, float]:
    started = time.perf_counter()
    return call(), time.perf_counter() - started
