"""Runs an evaluation: plans and measures what is missing, then writes the summary."""

import json
import time
from dataclasses import asdict
from typing import Any

from data.catalog.merge_summaries import sync_evaluations
from data.ids import file_name
from data.runs.evaluation_plans import (
    Evaluation,
    read_evaluated,
    read_measures,
    record_evaluation,
)
from data.runs.evaluations import Summary
from data.store import tables
from data.workspace import Workspace
from tasks.cost import compute_cost
from tasks.evaluate.aggregate import sort_rows, summarize_methods
from tasks.evaluate.exports import build_reference
from tasks.evaluate.writer import EvaluateRun, plan_targets
from tasks.retrieve.leak_files import load_leaks
from tasks.service.runner import open_runner
from tasks.service.turns import wait_turn
from tasks.shard import run_shards
from tasks.workers import count_evaluate_workers


def complete_evaluation(
    workspace: Workspace, evaluation: Evaluation
) -> tuple[Summary, dict[str, float]]:
    """Measures the videos without a row and writes the summary of all; it and the cost.

    The cost is empty where everything had been measured before.
    """
    cost: dict[str, float] = {}
    settings, folder = workspace.settings, evaluation.folder
    # Two runs at once would each list the same videos, and measure them twice.
    with workspace.lock_store_folder(folder, f"evaluates {evaluation.fingerprint}", wait_turn):
        record = record_evaluation(workspace.store, evaluation)
        if shards := plan_targets(workspace, evaluation):
            workers = count_evaluate_workers(settings, evaluation.spec, len(evaluation.targets))
            with open_runner(settings, workers) as runner:
                started = time.monotonic()  # from here on: waiting for GPUs holds none
                run_shards(EvaluateRun(workspace, evaluation, runner, shards), shards)
            cost = compute_cost(settings, time.monotonic() - started, workers)
        return _write_summary(workspace, evaluation, record), cost


def _write_summary(workspace: Workspace, evaluation: Evaluation, record: dict[str, Any]) -> Summary:
    store, folder = workspace.store, evaluation.folder
    videos = sort_rows(read_evaluated(store, folder).values())
    measures = sort_rows(read_measures(store, folder))
    tables.write_rows(store, f"{folder}/scores.parquet", tables.MEASURES, measures)
    tables.write_rows(store, f"{folder}/videos.parquet", tables.EVALUATED_VIDEOS, videos)
    results = summarize_methods(evaluation, videos, measures)
    summary = Summary(**record, methods=results, **load_leaks(store, folder))
    for each in summary.methods:
        flat = json.dumps(build_reference(each), indent=4).encode()
        store.write(f"{folder}/reference/{file_name(each.method)}.json", flat)
    content = json.dumps(asdict(summary), indent=2, allow_nan=False).encode()
    store.write(f"{folder}/summary.json", content)  # last: it marks the evaluation as complete
    with workspace.open_catalog() as catalog:
        sync_evaluations(catalog, store)
    return summary
