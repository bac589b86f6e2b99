"""A backfill: its plan and approval, its budget, and the windows that it embeds in turn."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext

from data.batches import iter_batches
from data.catalog import merge
from data.catalog.database import load_sql
from data.records import Video
from data.runs.backfill import RemainingWork, count_shards, estimate_remaining, open_unlisted
from data.settings import Settings
from data.shards.lists import add_shards, list_pending, next_number
from data.shards.stages import Stage
from data.workspace import Workspace
from tasks.artifact_key import artifact_key
from tasks.ui.artifacts import format_amount
from tasks.ui.delivery import deliver
from tasks.workers import count_worker_gpus, count_workers


@dataclass(slots=True)
class Budget:
    """The worker-hours (GPU-hours, where workers have GPUs) of a backfill; None is no limit.

    Windows that run at once add to it from threads of their own.
    """

    hours: float | None
    spent: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, hours: float) -> None:
        with self._lock:
            self.spent += hours

    @property
    def is_spent(self) -> bool:
        return self.hours is not None and self.spent >= self.hours


@task(name="plan-backfill", cache_policy=NO_CACHE, persist_result=False)
def plan_backfill(
    workspace: Workspace, stage: Stage, where: str, window: int, at_once: int = 1
) -> RemainingWork:
    """Estimates the work left, `at_once` windows at a time; also shown as the run's artifact."""
    with workspace.open_synced_catalog(stage.corpus):
        pass  # plans read the file by itself, see `data.catalog.filters`
    workers = at_once * count_workers(workspace.settings)
    plan = estimate_remaining(workspace, stage, where, workers, window)
    if FlowRunContext.get() is not None:
        key = artifact_key(f"backfill-{stage.kind}", stage.corpus)
        table = render_plan(plan, workspace.settings)
        description = f"{plan.videos:,} videos to embed, {plan.pending:,} shards left"
        deliver(create_markdown_artifact, table, key=key, description=description)
    return plan


def iter_windows(
    workspace: Workspace, stage: Stage, where: str, videos: int, budget: Budget,
    limit: int | None = None,
) -> Iterator[list[str]]:  # fmt: skip
    """Yields the shards of one window of about `videos` videos after another, within the budget.

    Shards that an earlier run left come first, then at most `limit` videos in new ones. The corpus
    is looked through once for these, so that a window costs what its own videos do.
    """
    store, size = workspace.store, workspace.settings.shard_size
    pending = list_pending(store, stage.folder)
    for shards in iter_batches(pending, count_shards(workspace, videos)):
        if budget.is_spent:
            return
        yield list(shards)
    if budget.is_spent:
        return
    with open_unlisted(workspace, stage, where) as unlisted:
        number = next_number(store, stage.folder)
        for window in iter_batches(islice(unlisted, limit), videos):
            # Lists are written window by window: videos that the budget does not reach stay
            # unlisted, so that the next plan finds them.
            if budget.is_spent:
                return
            left = _exclude_withdrawn(workspace, stage.corpus, window)
            if shards := add_shards(store, stage.folder, left, size, first=number):
                number += len(shards)
                yield shards


def _exclude_withdrawn(workspace: Workspace, corpus: str, videos: list[Video]) -> list[Video]:
    """The videos of a window that nobody withdrew since the windows were planned."""
    with workspace.open_catalog() as catalog:
        merge.sync_withdrawn(catalog, workspace.store, corpus)
        marks = catalog.execute(load_sql("withdrawal_marks"), corpus=corpus)
    ids, contents = {id for id, _ in marks}, {content for _, content in marks}
    return [each for each in videos if each.id not in ids and each.content not in contents]


def render_plan(plan: RemainingWork, settings: Settings) -> str:
    """The plan as a Markdown table, for whoever approves it."""
    cells = [
        (key, value.replace("|", "\\|")) for key, value in describe_plan(plan, settings).items()
    ]
    rows = [f"| {key} | {value} |" for key, value in cells]
    return "\n".join(["| what | figure |", "|---|---|", *rows])


def describe_plan(plan: RemainingWork, settings: Settings) -> dict[str, str]:
    """The plan's figures by label, formatted for people."""
    price, unit = settings.price_per_gpu_hour, "GPU" if count_worker_gpus(settings) else "worker"
    figures: dict[str, object] = {
        "corpus": plan.corpus, "vectors": plan.fingerprint, "model": plan.model,
        "condition": plan.where,
        "matching videos": plan.matching,
        "matching videos in shards already": plan.matching - plan.videos,
        "videos to embed": plan.videos,
        "shards done": plan.shards_done,
        "shards to do": plan.shards,
        "shards left by an earlier run": plan.pending,
        "windows to do": plan.windows,
        "hours of video to embed": plan.hours,
        f"{unit}-hours, estimated from receipts": plan.worker_hours,
        f"hours at {plan.workers:,} worker{'s' * (plan.workers > 1)}": plan.wall_hours,
    }  # fmt: skip
    if price:
        figures[f"cost at {price:g} per {unit}-hour"] = plan.cost
    return {key: _format_figure(value) for key, value in figures.items()}


def _format_figure(value: object) -> str:
    if value is None:
        return "not known yet"
    if isinstance(value, float):
        return format_amount(value)
    return f"{value:,}" if isinstance(value, int) else str(value)
