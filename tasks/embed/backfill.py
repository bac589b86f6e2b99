"""A backfill's tasks: its plan, shown and approved; its windows, one after the other."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from prefect import pause_flow_run, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext

from data.batches import batched
from data.catalog import merge
from data.errors import UserError
from data.runs.backfill import Left, left, shards_of, take
from data.settings import Settings
from data.shards.lists import pending
from data.shards.stages import Stage
from data.workspace import Workspace
from tasks.ui.artifacts import hundredths, key_of
from tasks.workers import embed_workers, worker_gpus

APPROVAL_S = 7 * 24 * 3600  # how long a run waits for its approval


@dataclass(slots=True)
class Budget:
    """Worker-hours (GPU-hours, where workers have GPUs) that a backfill may take; None: any."""

    hours: float | None
    spent: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, hours: float) -> None:
        with self._lock:
            self.spent += hours

    @property
    def gone(self) -> bool:
        return self.hours is not None and self.spent >= self.hours


@task(name="plan-backfill", cache_policy=NO_CACHE, persist_result=False)
def plan_backfill(
    workspace: Workspace, stage: Stage, where: str, window: int, at_once: int = 1
) -> Left:
    """What the backfill would do, `at_once` windows at a time; also as an artifact of the run."""
    _sync(workspace, stage)
    workers = at_once * embed_workers(workspace.settings)
    plan = left(workspace, stage, where, workers, window)
    if FlowRunContext.get() is not None:
        key = key_of(f"backfill-{stage.kind}", stage.corpus)
        about = f"{plan.videos:,} videos to do, {plan.pending:,} shards left"
        create_markdown_artifact(page(plan, workspace.settings), key=key, description=about)
    return plan


def approve(plan: Left, approved: bool) -> None:
    """Returns once somebody approved: beforehand, or by resuming the paused run in the UI."""
    context = FlowRunContext.get()
    if approved or (not plan.videos and not plan.pending):
        return
    if context is None or context.flow_run is None or context.flow_run.deployment_id is None:
        raise UserError(
            f"{plan.videos:,} videos ({plan.hours:.1f} h) would be done: add --approve to do it"
        )
    pause_flow_run(timeout=APPROVAL_S, poll_interval=5)


def windows(
    workspace: Workspace, stage: Stage, where: str, videos: int, budget: Budget
) -> Iterator[list[str]]:
    """Shards of about `videos` videos at a time, those first that an earlier run left.

    The lists of a window are written when its turn comes: what no budget is left for stays
    unlisted, and the next plan finds it.
    """
    for shards in batched(pending(workspace.store, stage.folder), shards_of(workspace, videos)):
        if budget.gone:
            return
        yield list(shards)
    while not budget.gone and (shards := take(workspace, stage, where, videos)):
        _sync(workspace, stage)
        yield shards


def _sync(workspace: Workspace, stage: Stage) -> None:
    with workspace.catalog() as catalog:
        merge.sync_videos(catalog, workspace.store, stage.corpus)
        merge.sync_stage(catalog, workspace.store, stage.corpus, stage.kind, stage.fingerprint)


def page(plan: Left, settings: Settings) -> str:
    """The plan as a table for the one who approves it."""
    cells = [(key, value.replace("|", "\\|")) for key, value in said(plan, settings).items()]
    rows = [f"| {key} | {value} |" for key, value in cells]
    return "\n".join(["| what | figure |", "|---|---|", *rows])


def said(plan: Left, settings: Settings) -> dict[str, str]:
    """The plan in words, for a person."""
    price, unit = settings.price_per_gpu_hour, "GPU" if worker_gpus(settings) else "worker"
    figures: dict[str, object] = {
        "corpus": plan.corpus, "vectors": plan.fingerprint, "condition": plan.where,
        "videos that match": plan.matching,
        "of them in shards already, done or left": plan.matching - plan.videos,
        "of them to do": plan.videos,
        "shards done": plan.shards_done,
        "shards to do": plan.shards,
        "of them left by an earlier run": plan.pending,
        "windows to do": plan.windows,
        "hours of video to do": plan.hours,
        f"{unit}-hours, by the receipts so far": plan.worker_hours,
        f"hours at {plan.workers:,} worker{'s' * (plan.workers > 1)}": plan.wall_hours,
    }  # fmt: skip
    if price:
        figures[f"cost at {price:g} a {unit}-hour"] = plan.cost
    return {key: _figure(value) for key, value in figures.items()}


def _figure(value: object) -> str:
    if value is None:
        return "not known yet"
    if isinstance(value, float):
        return hundredths(value)
    return f"{value:,}" if isinstance(value, int) else str(value)
