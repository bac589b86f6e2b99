"""Bringing a planned run of generation to its end, and what to say of it then."""

import time
from collections import Counter
from functools import partial
from typing import Any

from data.catalog.database import sql
from data.catalog.merge import sync_withdrawn
from data.catalog.merge_runs import sync_run
from data.errors import UserError
from data.runs.generations import Run, generations
from data.store import layout
from data.workspace import Workspace
from tasks.cost import spent
from tasks.generate.shard import Generation, generate_shard_task, write_table
from tasks.shards import run_shards
from tasks.workers import embed_workers, open_runner


def complete(workspace: Workspace, run: Run, shards: list[str]) -> dict[str, Any]:
    """Makes the shards' videos and the run's table; what the run holds in all.

    A UserError where requests were tried and no video of the run was ever made.
    """
    started = time.monotonic()
    spared, cost = _make(workspace, run, shards) if shards else (Counter[str](), {})
    sync(workspace, run)
    table = write_table(workspace, run)
    summary = _summary(workspace, run)
    if shards and not summary["done"]:
        reasons = ", ".join(f"{count} {reason}" for reason, count in summary["failed"].items())
        first = next(generations(workspace.store, run))["detail"]
        raise UserError(
            f"no video was made ({reasons}): {first}; see {workspace.store.path(table)}"
        )
    return summary | {
        "spared": dict(spared),
        "seconds": time.monotonic() - started,
        "videos": workspace.store.path(f"{run.folder}/{layout.MEDIA}"),
        "table": workspace.store.path(table),
        **cost,
    }


def sync(workspace: Workspace, run: Run) -> None:
    """Brings the catalogue up to the run, and to what its corpus has withdrawn."""
    with workspace.catalog() as catalog:
        sync_withdrawn(catalog, workspace.store, run.corpus)
        sync_run(catalog, workspace.store, run.fingerprint)


def _make(
    workspace: Workspace, run: Run, shards: list[str]
) -> tuple[Counter[str], dict[str, float]]:
    """What caches spared the workers, and what these cost."""
    workers, spared, started = embed_workers(workspace.settings), Counter[str](), time.monotonic()
    merge = partial(sync, workspace, run)
    with open_runner(workspace.settings, workers) as runner:
        at = Generation(workspace, run, runner, shards)
        submit = partial(generate_shard_task.submit, at)
        run_shards(submit, shards, 2 * workers, lambda log: spared.update(log.spared), merge)
    return spared, spent(workspace.settings, time.monotonic() - started, workers)


def _summary(workspace: Workspace, run: Run) -> dict[str, Any]:
    rows = list(generations(workspace.store, run))
    done = [row for row in rows if not row["reason"]]
    with workspace.catalog() as catalog:
        tainted = catalog.execute(sql("tainted"), run=run.fingerprint)[0][0]
    return {
        "corpus": run.corpus,
        "run": run.fingerprint,
        "requests": len(rows),
        "done": len(done),
        "failed": dict(Counter(row["reason"] for row in rows if row["reason"])),
        "short_of_clips": sum(len(row["hits"]) < run.spec.retrieve.k for row in done),
        "with_withdrawn_clips": tainted,
        "seconds_per_video": sum(row["seconds"] for row in done) / len(done) if done else 0.0,
    }
