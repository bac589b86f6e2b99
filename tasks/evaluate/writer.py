"""The evaluate stage's tasks: one shard of videos, and what all of them come to."""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

from data.batches import batched
from data.catalog.merge_summaries import sync_evaluations
from data.ids import file_name
from data.outcome import Done, Outcome
from data.runs.evaluation_plans import (
    Evaluation,
    Log,
    finish,
    read_log,
    read_targets,
    record,
    unfinished,
    write_targets,
)
from data.runs.evaluations import Summary, Target
from data.shards.lists import names, shard_name
from data.store import layout, tables
from data.workspace import Workspace
from engines.base import Engine, Runner
from engines.evaluate.engine import Evaluator, Measured
from tasks.cost import spent
from tasks.evaluate.aggregate import in_order, method_results
from tasks.evaluate.exports import reference
from tasks.progress import Progress, say
from tasks.retrieve.leak_files import kept
from tasks.retry import shard_task
from tasks.shards import run_shards
from tasks.workers import evaluate_work, evaluate_workers, open_runner

log = logging.getLogger(__name__)

SHARD = 16  # videos that are measured again where a run is killed
BATCH = 4  # videos that an actor is handed at once

Rows = list[dict[str, Any]]


class Evaluating:
    """One evaluation at work: where, with which engine, on which runner."""

    def __init__(
        self, workspace: Workspace, asked: Evaluation, runner: Runner, shards: list[str]
    ) -> None:
        self.workspace, self.asked, self.runner = workspace, asked, runner
        self.make: Callable[[], Engine] = partial(
            Evaluator, asked.spec, evaluate_work(workspace.settings)
        )
        some = [read_targets(workspace.store, asked.folder, shard) for shard in shards]
        self.progress = Progress("evaluate", sum(map(len, some)))


@shard_task("evaluate")
def evaluate_shard_task(at: Evaluating, shard: str) -> Log:
    """Prefect's skin over `evaluate_shard`."""
    return evaluate_shard(at, shard)


def evaluate_shard(at: Evaluating, shard: str) -> Log:
    """Measures a shard's videos, writes their rows, then the receipt: in that order."""
    started = time.perf_counter()
    targets = {t.id: t for t in read_targets(at.workspace.store, at.asked.folder, shard)}
    videos: Rows = []
    measures: Rows = []
    for outcome in at.runner.map(at.make, list(targets.values()), BATCH):
        target = targets[outcome.id]
        videos.append(_video(target, outcome))
        if isinstance(outcome, Done):
            measures += _measures(target, outcome.value)
            at.progress.add(done=1)
        else:
            at.progress.add(failed=1)
    receipt = Log(shard, tuple(in_order(videos)), time.perf_counter() - started)
    finish(at.workspace.store, at.asked.folder, receipt, in_order(measures))
    log.info("shard %s: %d videos in %.1f s", shard, len(videos), receipt.wall)
    return receipt


def complete(workspace: Workspace, asked: Evaluation) -> tuple[Summary, dict[str, float]]:
    """Measures what is not measured yet, and writes what all rows come to; the summary last.

    And what that cost, where anything was measured.
    """
    cost: dict[str, float] = {}
    with workspace.only_writer(asked.folder, f"evaluates {asked.fingerprint}", say):
        said = record(workspace.store, asked)
        if shards := plan(workspace, asked):
            workers, started = evaluate_workers(workspace.settings, asked.spec), time.monotonic()
            with open_runner(workspace.settings, workers) as runner:
                submit = partial(
                    evaluate_shard_task.submit, Evaluating(workspace, asked, runner, shards)
                )
                run_shards(submit, shards, 2 * workers, lambda log: None, lambda: None)
            cost = spent(workspace.settings, time.monotonic() - started, workers)
        return _written(workspace, asked, said), cost


def plan(workspace: Workspace, asked: Evaluation) -> list[str]:
    """The shards to measure, after every target that is in none was written into one.

    Lists that wait say where the videos lie now.
    """
    store, folder = workspace.store, asked.folder
    lists = {shard: read_targets(store, folder, shard) for shard in names(store, folder, "shards")}
    planned = {target.id for some in lists.values() for target in some}
    missing = [target for target in asked.targets if target.id not in planned]
    size = min(SHARD, workspace.settings.shard_size)
    for number, some in enumerate(batched(missing, size), len(lists)):
        write_targets(store, folder, shard_name(number), some)
    waiting, now = unfinished(store, folder), {target.id: target for target in asked.targets}
    for shard in set(waiting) & set(lists):
        write_targets(store, folder, shard, [now[target.id] for target in lists[shard]])
    return waiting


def _written(workspace: Workspace, asked: Evaluation, said: dict[str, Any]) -> Summary:
    store, folder = workspace.store, asked.folder
    shards = names(store, folder, "receipts")
    videos = in_order(row for s in shards for row in read_log(store, folder, s).rows)
    files = (tables.read(store, layout.shard_file(folder, shard)) for shard in shards)
    measures = in_order(row for file in files for row in file.to_pylist())
    tables.write(store, f"{folder}/scores.parquet", tables.MEASURES, measures)
    tables.write(store, f"{folder}/videos.parquet", tables.EVALUATED, videos)
    results = method_results(asked, videos, measures)
    summary = Summary(**said, methods=results, **kept(store, folder))
    for each in summary.methods:
        flat = json.dumps(reference(each), indent=4).encode()
        store.write(f"{folder}/reference/{file_name(each.method)}.json", flat)
    content = json.dumps(asdict(summary), indent=2, allow_nan=False).encode()
    store.write(f"{folder}/summary.json", content)
    with workspace.catalog() as catalog:
        sync_evaluations(catalog, store)
    return summary


def _video(target: Target, outcome: Outcome[Measured]) -> dict[str, Any]:
    """As `tables.EVALUATED`."""
    row = dict.fromkeys(tables.EVALUATED.names) | {
        "id": target.id, "clip": target.clip, "method": target.method, "uri": target.uri,
        "content": target.content, "prompt": target.asked.get("prompt"),
    }  # fmt: skip
    if not isinstance(outcome, Done):
        return row | {"reason": outcome.reason, "detail": outcome.detail[:500]}
    seen = outcome.value
    return row | {name: getattr(seen, name) for name in ("frames", "fps", "width", "height")}


def _measures(target: Target, seen: Measured) -> Rows:
    """As `tables.MEASURES`: each score, and those of its subjects."""
    whole = {"id": target.id, "clip": target.clip, "method": target.method}
    return [
        whole | {"metric": name, "subject": subject, "value": each.value, "reason": each.reason}
        for name, score in seen.scores.items()
        for subject, each in [(None, score), *score.parts.items()]
    ]
