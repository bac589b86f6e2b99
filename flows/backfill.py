"""The backfill flow: what a condition names is done window by window, after a plan was approved."""

from collections.abc import Iterator
from dataclasses import asdict
from itertools import chain
from typing import Annotated, Any, Literal

from prefect import Flow, flow
from prefect.client.schemas.objects import FlowRun, State
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import Field

from data.runs.backfill import Left
from data.settings import Settings
from data.shards.lists import names, without
from data.shards.stages import Stage
from data.specs.pipeline import EmbedSpec
from data.workspace import Workspace, open_workspace
from flows.embed import embed_by, embed_shards, embedding, show
from flows.index import index
from flows.pool import pool
from tasks.cost import held_hours, priced
from tasks.embed.backfill import Budget, approve, plan_backfill, windows
from tasks.embed.child_runs import cancel, cancel_left, of_backfill, run_stage
from tasks.embed.summary import covered
from tasks.embed.windows import run_windows
from tasks.progress import say
from tasks.shards import AT_ONCE
from tasks.stages import embed_spec, embed_stage
from tasks.ui.assets import stage_made, videos_of
from tasks.workers import embed_workers

THROUGH = ("embed", "pool", "index")


def _stop(flow: Flow, flow_run: FlowRun, state: State) -> None:
    cancel(of_backfill(flow_run.id))


@flow(
    name="backfill", flow_run_name="backfill-embed-{corpus}", on_cancellation=[_stop],
    task_runner=ThreadPoolTaskRunner(max_workers=AT_ONCE),  # type: ignore[arg-type]
)  # fmt: skip
def backfill(
    corpus: str,
    where: str = "true",
    spec: EmbedSpec | None = None,
    window: Annotated[int, Field(ge=1)] = 5000,
    max_parallel: Annotated[int, Field(ge=1)] = 1,
    budget_gpu_hours: float | None = None,
    approved: bool = False,
    child_runs: bool = False,
    through: Literal["embed", "pool", "index"] = "embed",
) -> dict[str, Any]:
    """Embeds what a condition names and no shard lists yet; what is done stays done.

    A spec other than the corpus's own fills its vectors beside those that are in use.

    Args:
        corpus: a corpus that was ingested
        where: a condition on the videos, as published >= '2024-01-01' and source = 'news'
        spec: the model and which frames are sampled; the corpus's own if left out
        window: videos that are planned and done at a time
        max_parallel: windows under way at once, as child runs
        budget_gpu_hours: no window begins once the workers took so long; any time if left out
        approved: go on without waiting for somebody to look at the plan
        child_runs: each window a run of the deployment embed-window, on any worker
        through: once nothing is left, go on and pool, or pool and index, what was embedded
    """
    workspace = open_workspace(Settings())
    spec = embed_spec(workspace, workspace.known(corpus), spec)
    stage = embed_stage(workspace, corpus, spec, shadow=True)
    at_once = max_parallel if child_runs else 1
    plan = plan_backfill(workspace, stage, where, window, at_once)
    approve(plan, approved)  # may take days, in which others embed
    with workspace.only_run(corpus, "embed", say):
        cancel_left(workspace.store.root, corpus)
        budget, before = Budget(budget_gpu_hours), covered(workspace, stage)
        work = (workspace, stage, spec, windows(workspace, stage, where, window, budget), budget)
        far = (max_parallel, plan.windows)
        done, error = run_windows(*work, *far) if child_runs else (_here(*work), None)
        after = plan_backfill(workspace, stage, where, window, at_once)
    summary, left = _summary(plan, after, done, budget), after.videos or after.pending
    show("backfill", workspace, stage, before, summary | priced(workspace.settings, budget.spent))
    if error:
        raise error
    if done:
        stage_made(workspace, stage, videos_of(corpus), windows=done)
    return summary if left else summary | _onward(stage, through, child_runs)


@flow(
    name="embed-window", flow_run_name="embed-window-{corpus}",
    task_runner=ThreadPoolTaskRunner(max_workers=AT_ONCE),  # type: ignore[arg-type]
)  # fmt: skip
def embed_window(corpus: str, shards: list[str], spec: EmbedSpec) -> dict[str, Any]:
    """Embeds some planned shards of a backfill, which sees to it that nobody else does.

    Those that an earlier attempt finished stay as they are.

    Args:
        corpus: the backfill's corpus
        shards: the names of the shards
        spec: the backfill's spec
    """
    workspace = open_workspace(Settings())
    stage = embed_stage(workspace, corpus, spec, shadow=True)
    left = without(shards, names(workspace.store, stage.folder, "receipts"))
    before = covered(workspace, stage)
    tally, seconds, hours = embed_shards(workspace, stage, spec, left)
    summary = tally.summary(seconds, hours)
    show("embed-window", workspace, stage, before, summary)
    return summary


def _summary(plan: Left, after: Left, done: int, budget: Budget) -> dict[str, Any]:
    """What was to do, what was done, what is left, and why."""
    left = after.videos or after.pending
    return {
        "corpus": plan.corpus, "fingerprint": plan.fingerprint, "where": plan.where,
        "planned": plan.videos, "windows": done, "gpu_hours": budget.spent,
        "left": after.videos, "shards_left": after.pending,
        "stopped": "the budget is spent" if budget.gone and left else None,
    }  # fmt: skip


def _here(
    workspace: Workspace,
    stage: Stage,
    spec: EmbedSpec,
    waiting: Iterator[list[str]],
    budget: Budget,
) -> int:
    """Every window in this process, by the same workers; how many there were."""
    done, workers = 0, embed_workers(workspace.settings)
    first = next(waiting, None)
    if first is None:
        return 0
    with embedding(workspace, stage, spec) as run:
        for shards in chain([first], waiting):
            _, seconds, _ = embed_by(run, shards)
            budget.add(held_hours(workspace.settings, seconds, workers))
            done += 1
    return done


def _onward(stage: Stage, through: str, child_runs: bool) -> dict[str, Any]:
    """Pools and indexes what was embedded, in the corpus's own ways; what each says of it."""
    made: dict[str, Any] = {}
    about = {"corpus": stage.corpus, "embed": stage.fingerprint}
    after: tuple[tuple[str, Flow], ...] = (("pool", pool), ("index", index))
    for kind, run in after[: THROUGH.index(through)]:
        made[kind] = run_stage(kind, about, stage.fingerprint) if child_runs else run(**about)
    return made


def plan_of(
    corpus: str, where: str, spec: EmbedSpec | None, window: int = 5000, at_once: int = 1
) -> dict[str, Any]:
    """What a backfill would do, without doing it."""
    workspace = open_workspace(Settings())
    spec = embed_spec(workspace, workspace.known(corpus), spec)
    stage = embed_stage(workspace, corpus, spec, shadow=True)
    return asdict(plan_backfill.fn(workspace, stage, where, window, at_once))
