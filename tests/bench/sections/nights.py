"""What a corpus of many small ingests takes to read, before and after its files are packed."""

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from bench.figures import Figure
from bench.job import Job
from support.scheduled_runs import nights

from data.catalog import merge
from data.catalog.leftovers import leftovers
from data.settings import Settings
from data.shards.lists import names
from data.shards.stages import Stage
from data.specs.pipeline import PoolSpec
from data.workspace import Workplace, open_workplace
from engines.index.pooled_vectors import PooledVectors
from tasks.embed.compact import compact
from tasks.embed.pool import pool_shards
from tasks.plan import plan
from tasks.stages import pool_stage

CORPUS = "nights"
T = TypeVar("T")


def measure(job: Job) -> Iterator[Figure]:
    count = job.size(500, 50)
    place = open_workplace(Settings(root=str(job.scratch / "nights")))
    stage = nights(place, CORPUS, count)
    pooled = pool_stage(place, CORPUS, PoolSpec(), stage)
    pool_shards.fn(place, stage, pooled)
    yield from _looked(place, stage, pooled, f"{count} ingests of 2 videos")
    packs, seconds = _timed(lambda: compact.fn(place, CORPUS, True))
    yield Figure("nights", f"packing {sum(row['files'] for row in packs):,} files", seconds, "s")
    _, seconds = _timed(lambda: pool_shards.fn(place, stage, pooled))
    yield Figure("nights", "pooling the packs", seconds, "s")
    for each in list(leftovers(place.store, old_s=0)):
        place.store.delete(each.name)
    yield from _looked(place, stage, pooled, "packed")


def _looked(place: Workplace, stage: Stage, pooled: Stage, when: str) -> Iterator[Figure]:
    files = sum(file.is_file() for file in place.store.local("corpora").rglob("*"))
    yield Figure("nights", f"{when}: files", files, "")
    _, seconds = _timed(place.rebuild_catalog)
    yield Figure("nights", f"{when}: rebuilding the catalogue", seconds, "s")
    _, seconds = _timed(lambda: plan.fn(place, stage))
    yield Figure("nights", f"{when}: planning", seconds, "s")
    read, seconds = _timed(lambda: _vectors(place, pooled))
    yield Figure("nights", f"{when}: reading {read:,} pooled vectors", seconds, "s")
    with place.catalog() as catalog:
        _, seconds = _timed(lambda: merge.sync_corpus(catalog, place.store, CORPUS))
    yield Figure("nights", f"{when}: seeing that nothing is new", seconds, "s")


def _vectors(place: Workplace, pooled: Stage) -> int:
    shards = tuple(names(place.store, pooled.folder, "receipts"))
    batches = PooledVectors(place.store, pooled.folder, shards, frozenset()).batches()
    return sum(len(batch.ids) for batch in batches)


def _timed(call: Callable[[], T]) -> tuple[T, float]:
    started = time.perf_counter()
    return call(), time.perf_counter() - started
