"""Runs a stage over the clips of a corpus: plans, runs its shards, adds up their receipts."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from data.catalog import merge
from data.catalog.database import load_sql
from data.catalog.failures import Failures
from data.shards.receipts import Receipt, VideoRow
from data.shards.stages import Stage
from data.workspace import Workspace
from engines.base import Runner
from tasks.plan import count_planned, plan_videos, stage_values
from tasks.progress import Progress
from tasks.service.runner import open_runner
from tasks.shard import run_shards
from tasks.stage_run import StageRun
from tasks.success import require_success
from tasks.ui.artifacts import publish_failures, publish_summary
from tasks.ui.assets import publish_stage, videos_key
from tasks.ui.live import show_progress
from tasks.workers import count_workers

OpenRun = Callable[[Runner], StageRun[Any, Any, VideoRow]]


@dataclass(slots=True)
class ClipSummary:
    """Clips done and failed by reason in one run, and where its seconds went."""

    done: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    seconds: Counter[str] = field(default_factory=Counter)

    def add(self, receipt: Receipt[VideoRow]) -> None:
        """Adds a shard's receipt."""
        self.done += len(receipt.done)
        self.failed.update(str(row["reason"]) for row in receipt.failed)
        for part in ("decode", "model"):
            self.seconds[part] += getattr(receipt.seconds, part)

    def to_dict(self, stage: Stage) -> dict[str, Any]:
        """The run's figures by name."""
        return {
            "corpus": stage.corpus,
            "fingerprint": stage.fingerprint,
            "done": self.done,
            "failed": dict(self.failed.most_common()),
            "decode_seconds": self.seconds["decode"],
            "model_seconds": self.seconds["model"],
        }


def run_clip_stage(
    workspace: Workspace, stage: Stage, open_run: OpenRun, retry: Failures | None = None,
    outdated: tuple[str, dict[str, Any]] | None = None,
) -> ClipSummary:  # fmt: skip
    """Runs what is missing of a stage, or `outdated` (see `plan_videos`).

    A UserError where clips failed and none ever succeeded.
    """
    shards, summary = plan_videos(workspace, stage, retry, outdated), ClipSummary()
    if shards:  # else no worker is started, and no model loaded
        workers = count_workers(workspace.settings)
        with (
            open_runner(workspace.settings, workers) as runner,
            show_progress(stage.kind, stage.corpus),
        ):
            run = open_run(runner)
            run.progress = Progress(stage.kind, *count_planned(workspace, stage, shards))
            run_shards(run, shards, summary.add, partial(_merge_stage, workspace, stage))
    if summary.failed and not summary.done:
        with workspace.open_catalog() as catalog:
            ever = catalog.execute(load_sql("any_video_done"), **stage_values(stage))
        see = f"see `reelflow failures {stage.corpus}`"
        require_success("clip", len(ever), summary.failed, see=see)
    return summary


def publish_clip_stage(workspace: Workspace, stage: Stage, summary: ClipSummary) -> dict[str, Any]:
    """Puts a run's figures and failures on its page; the figures."""
    figures = summary.to_dict(stage)
    publish_summary(stage.kind, stage.corpus, figures)
    publish_failures(workspace, stage)
    if summary.done:
        publish_stage(workspace, stage, videos_key(stage.corpus), videos=summary.done)
    return figures


def _merge_stage(workspace: Workspace, stage: Stage) -> None:
    with workspace.open_catalog() as catalog:
        store = workspace.store
        merge.sync_stage(catalog, store, stage.corpus, stage.kind, stage.fingerprint)
