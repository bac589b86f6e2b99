"""Completes a refinement: plans what is missing, refines it, and writes the table of all passes."""

import time
from collections import Counter
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from data.outcome import MACHINE_REASONS
from data.runs.refined_table import REFINED
from data.runs.refinements import Refinement, read_pass, read_refined, record_refinement
from data.shards.lists import add_shards, list_pending
from data.store import layout, tables
from data.workspace import Workspace
from tasks.cost import compute_cost
from tasks.plan import select_missing, update_pending
from tasks.refine.request import list_passes
from tasks.refine.writer import RefineRun
from tasks.service.runner import open_runner
from tasks.shard import run_shards
from tasks.success import require_success
from tasks.workers import count_refine_workers

VIDEOS = 8  # of a shard: what a killed run may have to list again


@task(name="plan-passes", cache_policy=NO_CACHE, persist_result=False)
def plan_passes(workspace: Workspace, refinement: Refinement) -> list[str]:
    """Lists every pass without a row in shards; the shards to run.

    A pass that failed for the machine's sake is tried again.
    """
    store, folder = workspace.store, refinement.folder
    record_refinement(store, refinement)  # first: no list may be without its refinement
    now = {target.id: target for target in refinement.targets}
    # A folder may have moved since a run was cut short: its fingerprint is made of bytes.
    update_pending(
        store, folder, read_pass,
        lambda items: [type(each)(each.id, now[each.target.id], each.number) for each in items],
    )  # fmt: skip
    rows = read_refined(store, refinement.fingerprint)
    final = {row["id"] for row in rows if row["reason"] not in MACHINE_REASONS}
    missing = select_missing(store, folder, list_passes(refinement), final, read_pass)
    add_shards(store, folder, missing, VIDEOS * len(refinement.numbers))
    return list_pending(store, folder)


def complete_refinement(
    workspace: Workspace, refinement: Refinement, shards: list[str]
) -> dict[str, Any]:
    """Refines the shards' videos, and writes the table; the figures of the whole refinement.

    A UserError where videos were tried and not one was ever refined.
    """
    started, store, cost = time.monotonic(), workspace.store, dict[str, float]()
    if shards:
        workers = count_refine_workers(workspace.settings, refinement.spec)
        with open_runner(workspace.settings, workers) as runner:
            begun = time.monotonic()  # from here on: waiting for GPUs holds none
            run_shards(RefineRun(workspace, refinement, runner, shards), shards)
        cost = compute_cost(workspace.settings, time.monotonic() - begun, workers)
    rows = list(read_refined(store, refinement.fingerprint))
    table = f"{refinement.folder}/passes.parquet"
    tables.write_rows(store, table, REFINED, rows)
    done = [row for row in rows if row["reason"] is None]
    failed = Counter(row["reason"] for row in rows if row["reason"])
    if shards:
        details = [row["detail"] for row in rows if row["reason"]]
        require_success("refined video", len(done), failed, details[0] if details else "")
    return {
        "refinement": refinement.fingerprint,
        "source": refinement.source,
        "refiner": refinement.spec.refiner,
        "videos": len(refinement.targets),
        "done": len(done),
        "failed": dict(failed),
        "stopped": len({row["target"] for row in done if row["stopped"]}),
        "seconds": time.monotonic() - started,
        "media": store.path(f"{refinement.folder}/{layout.MEDIA}"),
        "table": store.path(table),
        **cost,
    }
