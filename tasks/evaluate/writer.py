"""The evaluate stage: videos to scores, a table of measures and a receipt of rows a shard."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from data.outcome import MACHINE_REASONS, Done, Outcome
from data.runs.evaluation_plans import VERSION, Evaluation, read_evaluated, read_target
from data.runs.evaluations import Target
from data.shards.lists import Shard, add_shards, list_pending
from data.shards.receipts import DETAIL
from data.store import layout, tables
from data.store.storage import Store
from data.workspace import Workspace
from engines.base import Runner
from engines.evaluate.engine import Evaluator, VideoScores
from tasks.evaluate.aggregate import sort_rows
from tasks.plan import select_missing, update_pending
from tasks.stage_run import ShardWriter, StageRun
from tasks.workers import build_evaluate_setup, count_evaluate_workers

SHARD = 16  # videos at most that a killed run has to measure again
BATCH = 4  # videos that a worker gets at once

EvaluatedRow = dict[str, Any]  # as `tables.EVALUATED_VIDEOS`


class EvaluateWriter(ShardWriter[Target, VideoScores, EvaluatedRow]):
    """Collects a shard's measures and writes them as one table, in order."""

    def __init__(self, store: Store, name: str) -> None:
        super().__init__()
        self._store, self._name = store, name
        self._measures: list[dict[str, Any]] = []

    def write(self, item: Target, outcome: Outcome[VideoScores]) -> EvaluatedRow:
        if isinstance(outcome, Done):
            self._measures += _list_measures(item, outcome.value)
        return _build_row(item, outcome)

    def finish(self) -> None:
        # Sorted, so that any number of workers writes the same file.
        rows = sort_rows(self._measures)
        tables.write_rows(self._store, self._name, tables.MEASURES, rows)


class EvaluateRun(StageRun[Target, VideoScores, EvaluatedRow]):
    """Workers that measure the videos of an evaluation."""

    stage = "evaluate"

    def __init__(
        self, workspace: Workspace, evaluation: Evaluation, runner: Runner, shards: Sequence[str]
    ) -> None:
        settings, spec = workspace.settings, evaluation.spec
        super().__init__(
            workspace.store, evaluation.folder, VERSION,
            partial(Evaluator, spec, build_evaluate_setup(settings)), runner, BATCH,
        )  # fmt: skip
        self.workers = count_evaluate_workers(settings, spec, len(evaluation.targets))
        self.progress.total = self.count_items(shards)

    def read_item(self, payload: dict[str, Any]) -> Target:
        return read_target(payload)

    def open_writer(self, shard: Shard[Target]) -> EvaluateWriter:
        return EvaluateWriter(self.store, layout.shard_file(self.folder, shard.id))


def plan_targets(workspace: Workspace, evaluation: Evaluation) -> list[str]:
    """Lists every target without a row in shards; the shards to measure."""
    store, folder = workspace.store, evaluation.folder
    # A run cut short may have listed videos in a folder that has moved since: its fingerprint is
    # made of bytes, and stays the same.
    now = {target.id: target for target in evaluation.targets}
    update_pending(store, folder, read_target, lambda items: [now[item.id] for item in items])
    rows = read_evaluated(store, folder)
    final = {id for id, row in rows.items() if row["reason"] not in MACHINE_REASONS}
    missing = select_missing(store, folder, evaluation.targets, final, read_target)
    add_shards(store, folder, missing, min(SHARD, workspace.settings.shard_size))
    return list_pending(store, folder)


def _build_row(target: Target, outcome: Outcome[VideoScores]) -> EvaluatedRow:
    row = dict.fromkeys(tables.EVALUATED_VIDEOS.names) | {
        "id": target.id, "clip": target.clip, "method": target.method, "uri": target.uri,
        "content": target.content, "prompt": target.asked.get("prompt"),
    }  # fmt: skip
    if not isinstance(outcome, Done):
        return row | {"reason": outcome.reason, "detail": outcome.detail[:DETAIL]}
    video = outcome.value
    return row | {name: getattr(video, name) for name in ("frames", "fps", "width", "height")}


def _list_measures(target: Target, video: VideoScores) -> list[dict[str, Any]]:
    """As `tables.MEASURES`: each score, and those of its subjects."""
    whole = {"id": target.id, "clip": target.clip, "method": target.method}
    return [
        whole | {"metric": name, "subject": subject, "value": each.value, "reason": each.reason}
        for name, score in video.scores.items()
        for subject, each in [(None, score), *score.parts.items()]
    ]
