"""What a corpus of many small ingests takes to read, before and after its files are packed."""

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from bench.figures import Figure
from bench.job import Job
from support.scheduled_runs import nights

from data.catalog import merge
from data.catalog.leftovers import find_leftovers
from data.settings import Settings
from data.shards.lists import list_done
from data.shards.stages import Stage
from data.specs.pipeline import PoolSpec
from data.workspace import Workspace, open_workspace
from engines.index.pooled_vectors import PooledVectors
from tasks.embed.compact import compact_corpus
from tasks.embed.pool import pool_shards
from tasks.plan import plan_videos
from tasks.stages import register_pool

CORPUS = "nights"
T = TypeVar("T")


def measure(job: Job) -> Iterator[Figure]:
    count = job.size(500, 50)
    workspace = open_workspace(Settings(root=str(job.scratch / "nights")))
    stage = nights(workspace, CORPUS, count)
    pooled = register_pool(workspace, CORPUS, PoolSpec(), stage)
    pool_shards.fn(workspace, stage, pooled)
    yield from _looked(workspace, stage, pooled, f"{count} ingests of 2 videos")
    packs, seconds = _timed(lambda: compact_corpus.fn(workspace, CORPUS, True))
    yield Figure("nights", f"packing {sum(row['files'] for row in packs):,} files", seconds, "s")
    _, seconds = _timed(lambda: pool_shards.fn(workspace, stage, pooled))
    yield Figure("nights", "pooling the packs", seconds, "s")
    for each in list(find_leftovers(workspace.store, min_age_s=0)):
        workspace.store.delete(each.name)
    yield from _looked(workspace, stage, pooled, "packed")


def _looked(workspace: Workspace, stage: Stage, pooled: Stage, when: str) -> Iterator[Figure]:
    files = sum(file.is_file() for file in workspace.store.local_path("corpora").rglob("*"))
    yield Figure("nights", f"{when}: files", files, "")
    _, seconds = _timed(workspace.rebuild_catalog)
    yield Figure("nights", f"{when}: rebuilding the catalogue", seconds, "s")
    _, seconds = _timed(lambda: plan_videos.fn(workspace, stage))
    yield Figure("nights", f"{when}: planning", seconds, "s")
    read, seconds = _timed(lambda: _vectors(workspace, pooled))
    yield Figure("nights", f"{when}: reading {read:,} pooled vectors", seconds, "s")
    with workspace.open_catalog() as catalog:
        _, seconds = _timed(lambda: merge.sync_corpus(catalog, workspace.store, CORPUS))
    yield Figure("nights", f"{when}: seeing that nothing is new", seconds, "s")


def _vectors(workspace: Workspace, pooled: Stage) -> int:
    shards = tuple(list_done(workspace.store, pooled.folder))
    batches = PooledVectors(workspace.store, pooled.folder, shards, frozenset()).batches()
    return sum(len(batch.ids) for batch in batches)


def _timed(call: Callable[[], T]) -> tuple[T, float]:
    started = time.perf_counter()
    return call(), time.perf_counter() - started
