"""A backfill's tasks: its plan, shown and approved; its windows, one after the other."""

import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from math import ceil

from prefect import pause_flow_run, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext

from data import merge
from data.backfill import Left, left, take
from data.batches import batched
from data.chain import Stage
from data.errors import UserError
from data.shards import pending
from data.workplace import Workplace

SAID = {
    "matching": "videos that match",
    "videos": "of them to do",
    "hours": "hours of video to do",
    "pending": "shards left by an earlier run",
    "worker_hours": "GPU-hours (without a GPU, worker-hours) by the receipts so far",
    "cost": "cost by REELFLOW_PRICE_PER_GPU_HOUR",
}
APPROVAL_S = 7 * 24 * 3600  # how long a run waits for its approval


@dataclass(slots=True)
class Budget:
    """Worker-hours (GPU-hours, where workers have GPUs) that a backfill may take; None: any."""

    hours: float | None
    spent: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, seconds: float, workers: int) -> None:
        with self._lock:
            self.spent += seconds * workers / 3600

    @property
    def gone(self) -> bool:
        return self.hours is not None and self.spent >= self.hours


@task(name="plan-backfill", cache_policy=NO_CACHE, persist_result=False)
def plan_backfill(place: Workplace, stage: Stage, where: str) -> Left:
    """What the backfill would do, also as an artifact of the run."""
    _sync(place, stage)
    plan = left(place, stage, where, len(pending(place.store, stage.folder)))
    if FlowRunContext.get() is not None:
        key = f"backfill-{stage.kind}-{stage.corpus}".lower().replace("_", "-").replace(".", "-")
        create_markdown_artifact(_page(plan), key=key, description=f"backfill of {stage.corpus}")
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
    place: Workplace, stage: Stage, where: str, videos: int, budget: Budget
) -> Iterator[list[str]]:
    """Shards of about `videos` videos at a time, those first that an earlier run left.

    The lists of a window are written when its turn comes: what no budget is left for stays
    unlisted, and the next plan finds it.
    """
    a_window = max(1, ceil(videos / place.settings.shard_size))
    for shards in batched(pending(place.store, stage.folder), a_window):
        if budget.gone:
            return
        yield list(shards)
    while not budget.gone and (shards := take(place, stage, where, videos)):
        _sync(place, stage)
        yield shards


def _sync(place: Workplace, stage: Stage) -> None:
    with place.catalog() as catalog:
        merge.sync_videos(catalog, place.store, stage.corpus)
        merge.sync_stage(catalog, place.store, stage.corpus, stage.kind, stage.fingerprint)


def _page(plan: Left) -> str:
    """The plan as a table for the one who approves it."""
    said = asdict(plan)
    said["worker_hours"] = "not known yet" if plan.worker_hours is None else plan.worker_hours
    said["cost"] = "not known yet" if plan.cost is None else plan.cost
    rows = [f"| {SAID.get(key, key)} | {_figure(value)} |" for key, value in said.items()]
    return "\n".join(["| what | figure |", "|---|---|", *rows])


def _figure(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}" if value >= 0.01 or not value else f"{value:.1g}"
    return f"{value:,}" if isinstance(value, int) else str(value).replace("|", "\\|")
