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
from data.workspace import Workplace
from tasks.cost import spent
from tasks.generate.shard import Generation, generate_shard_task, write_table
from tasks.shards import run_shards
from tasks.workers import embed_workers, open_runner


def complete(place: Workplace, run: Run, shards: list[str]) -> dict[str, Any]:
    """Makes the shards' videos and the run's table; what the run holds in all.

    A UserError where requests were tried and no video of the run was ever made.
    """
    started = time.monotonic()
    spared, cost = _make(place, run, shards) if shards else (Counter[str](), {})
    sync(place, run)
    table = write_table(place, run)
    summary = _summary(place, run)
    if shards and not summary["done"]:
        reasons = ", ".join(f"{count} {reason}" for reason, count in summary["failed"].items())
        first = next(generations(place.store, run))["detail"]
        raise UserError(f"no video was made ({reasons}): {first}; see {place.store.path(table)}")
    return summary | {
        "spared": dict(spared),
        "seconds": time.monotonic() - started,
        "videos": place.store.path(f"{run.folder}/{layout.MEDIA}"),
        "table": place.store.path(table),
        **cost,
    }


def sync(place: Workplace, run: Run) -> None:
    """Brings the catalogue up to the run, and to what its corpus has withdrawn."""
    with place.catalog() as catalog:
        sync_withdrawn(catalog, place.store, run.corpus)
        sync_run(catalog, place.store, run.fingerprint)


def _make(place: Workplace, run: Run, shards: list[str]) -> tuple[Counter[str], dict[str, float]]:
    """What caches spared the workers, and what these cost."""
    workers, spared, started = embed_workers(place.settings), Counter[str](), time.monotonic()
    merge = partial(sync, place, run)
    with open_runner(place.settings, workers) as runner:
        at = Generation(place, run, runner, shards)
        submit = partial(generate_shard_task.submit, at)
        run_shards(submit, shards, 2 * workers, lambda log: spared.update(log.spared), merge)
    return spared, spent(place.settings, time.monotonic() - started, workers)


def _summary(place: Workplace, run: Run) -> dict[str, Any]:
    rows = list(generations(place.store, run))
    done = [row for row in rows if not row["reason"]]
    with place.catalog() as catalog:
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
