"""Completes a planned run of generation: makes its shards, writes its table, and summarizes it."""

import json
import time
from collections import Counter
from functools import partial
from typing import Any

import pyarrow as pa

from data.batches import iter_batches
from data.catalog.database import load_sql
from data.catalog.merge import sync_withdrawn
from data.catalog.merge_runs import sync_run
from data.runs.generations import Run, read_generations
from data.shards.receipts import Receipt
from data.specs.pipeline import GenerateSpec
from data.store import layout, tables
from data.workspace import Workspace
from engines.base import load_plugin
from tasks.cost import compute_cost
from tasks.generate.writer import GenerateRun
from tasks.progress import notify
from tasks.service.runner import open_runner
from tasks.shard import run_shards
from tasks.success import require_success
from tasks.workers import count_workers


def complete_run(workspace: Workspace, run: Run, shards: list[str]) -> dict[str, Any]:
    """Makes the shards' videos and writes the run's table; the figures of the whole run.

    A UserError where requests were tried and no video of the run was ever made.
    """
    started, store = time.monotonic(), workspace.store
    caches, cost = _make_videos(workspace, run, shards) if shards else (Counter[str](), {})
    sync_catalog(workspace, run)
    table = store.path(write_table(workspace, run))
    rows = list(read_generations(store, run))
    summary = _summarize(workspace, run, rows)
    if run.spec.retrieve.k and summary["done"] and not any(row["hits"] for row in rows):
        notify("no clip conditioned these videos: the model took their texts or own pictures only")
    # Of the whole run: a later attempt at a few broken requests may fail beside good videos.
    if shards and not summary["done"]:
        require_success("video", 0, summary["failed"], rows[0]["detail"], f"see {table}")
    return summary | {
        "spared": dict(caches),
        "seconds": time.monotonic() - started,
        "videos": store.path(f"{run.folder}/{layout.MEDIA}"),
        "table": table,
        **cost,
    }


def sync_catalog(workspace: Workspace, run: Run) -> None:
    """Syncs the catalog with the run and its corpus's withdrawals."""
    with workspace.open_catalog() as catalog:
        sync_withdrawn(catalog, workspace.store, run.corpus)
        sync_run(catalog, workspace.store, run.fingerprint)


def write_table(workspace: Workspace, run: Run) -> str:
    """Writes the newest row of each request as `tables.GENERATIONS`; the table's name."""
    name = f"{run.folder}/generations.parquet"
    of_run = {
        "run": run.fingerprint, "engine": run.spec.engine, "corpus": run.corpus,
        "spec": json.dumps(run.spec.model_dump(), sort_keys=True),
        "model_digest": run.digests.get("model"),
        "controller_digest": run.digests.get("controller"),
    }  # fmt: skip
    with tables.open_writer(workspace.store, name, tables.GENERATIONS) as writer:
        for batch in iter_batches(read_generations(workspace.store, run), 1024):
            rows = [of_run | row for row in batch]
            writer.write_table(pa.Table.from_pylist(rows, tables.GENERATIONS))
    return name


def _make_videos(
    workspace: Workspace, run: Run, shards: list[str]
) -> tuple[Counter[str], dict[str, float]]:
    """Makes the shards' videos; the cache hits of the workers, and the cost."""
    workers, caches = count_workers(workspace.settings), Counter[str]()

    def add(receipt: Receipt[dict[str, Any]]) -> None:
        caches.update(receipt.caches)

    with open_runner(workspace.settings, workers) as runner:
        started = time.monotonic()  # from here on: waiting for GPUs holds none
        at_work = GenerateRun(workspace, run, runner, shards)
        run_shards(at_work, shards, add, partial(sync_catalog, workspace, run))
    return caches, compute_cost(workspace.settings, time.monotonic() - started, workers)


def _is_short(row: dict[str, Any], spec: GenerateSpec) -> bool:
    """Whether fewer clips than k were there; what of them was used is in `hits`."""
    k, plugin = spec.retrieve.k, load_plugin("generate.generators", spec.engine)
    if row.get("image") and plugin.Generator.image_replaces_clips:
        return False
    return (row["clips"] if "clips" in row else len(row["hits"])) < k


def _summarize(workspace: Workspace, run: Run, rows: list[dict[str, Any]]) -> dict[str, Any]:
    done = [row for row in rows if not row["reason"]]
    with workspace.open_catalog() as catalog:
        query = load_sql("count_outputs_withdrawn")
        withdrawn = catalog.execute(query, run=run.fingerprint)[0][0]
    return {
        "corpus": run.corpus,
        "run": run.fingerprint,
        "requests": len(rows),
        "done": len(done),
        "failed": dict(Counter(row["reason"] for row in rows if row["reason"])),
        "short_of_clips": sum(_is_short(row, run.spec) for row in done),
        "with_withdrawn_clips": withdrawn,
        "seconds_per_video": sum(row["seconds"] for row in done) / len(done) if done else 0.0,
    }
