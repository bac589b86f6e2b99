"""The backfill flow: embeds videos that match a condition, in windows, after approval."""

from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from itertools import chain
from typing import Annotated, Any, Literal

from prefect import Flow, flow
from prefect.client.schemas.objects import FlowRun, State
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import Field

from data.runs.backfill import RemainingWork
from data.settings import Settings
from data.shards.lists import select_pending
from data.shards.receipts import read_receipt
from data.shards.stages import Stage
from data.specs.pipeline import EmbedSpec
from data.workspace import Workspace, open_workspace
from flows.embed import embed_shards, embed_with, open_embed_run, show_embedded
from flows.index import index
from flows.pool import pool
from tasks.cost import compute_hours, compute_price
from tasks.embed.backfill import Budget, iter_windows, plan_backfill, render_plan
from tasks.embed.child_runs import backfill_tag, cancel_leftovers, cancel_runs, run_stage
from tasks.embed.summary import count_covered
from tasks.embed.windows import run_windows
from tasks.service.orphans import end_tasks
from tasks.service.turns import wait_turn
from tasks.shard import AT_ONCE
from tasks.stages import choose_embed_spec, register_embed
from tasks.ui.approval import count_approved, require_approval
from tasks.ui.artifacts import publish_failed_rows, publish_summary
from tasks.ui.assets import publish_stage, videos_key
from tasks.ui.hooks import HOOKS
from tasks.ui.run_names import name_run
from tasks.workers import count_workers

THROUGH = ("embed", "pool", "index")


# Child runs are runs of their own: cancelling only the parent would leave them at work.
def _cancel_windows(flow: Flow, flow_run: FlowRun, state: State) -> None:
    cancel_runs(backfill_tag(flow_run.id))


@flow(
    name="backfill", flow_run_name=name_run("backfill-embed-{corpus}"),
    on_crashed=[end_tasks], on_cancellation=[_cancel_windows, end_tasks],
    task_runner=ThreadPoolTaskRunner(max_workers=AT_ONCE),  # type: ignore[arg-type]
)  # fmt: skip
def backfill(
    corpus: str,
    where: str = "true",
    spec: EmbedSpec | None = None,
    window: Annotated[int, Field(ge=1)] = 5000,
    max_parallel: Annotated[int, Field(ge=1)] = 1,
    budget_gpu_hours: float | None = None,
    approved: bool = False, child_runs: bool = False,
    through: Literal["embed", "pool", "index"] = "embed",
) -> dict[str, Any]:  # fmt: skip
    """Embeds videos that match a condition, window by window; finished ones are kept.

    With another spec than the corpus's current one the vectors are kept beside the current ones.

    Args:
        corpus: Name of an ingested corpus.
        where: SQL condition, e.g. published >= '2024-01-01' and source = 'news'.
        spec: Model and sampling of frames; the corpus's current ones if left out.
        window: Videos per window.
        max_parallel: Windows at a time, as child runs.
        budget_gpu_hours: Start no window after workers were held this long; no limit if left out.
        approved: Start without waiting for somebody to approve the plan in the UI, with Resume.
        child_runs: Run each window as the deployment embed-window, on any worker.
        through: Continue to this stage when nothing is left.
    """
    workspace = open_workspace(Settings())
    spec = choose_embed_spec(workspace, workspace.check_corpus(corpus), spec)
    stage = register_embed(workspace, corpus, spec, shadow=True)
    scope = (workspace, stage, where, window, max_parallel if child_runs else 1)
    make_plan, show = partial(plan_backfill, *scope), partial(render_plan, settings=Settings())
    plan, hours = require_approval(workspace, stage, make_plan, show, approved)
    with workspace.lock_stage(corpus, "embed", wait_turn):
        cancel_leftovers(workspace.store.root, corpus)
        budget, before = Budget(hours or budget_gpu_hours), count_covered(workspace, stage)
        windows = _iter_approved(scope, plan, approved, budget)
        work, far = (workspace, stage, spec, windows, budget), (max_parallel, plan.windows)
        done, error = run_windows(*work, *far) if child_runs else (_embed_windows(*work), None)
        after = make_plan()
    summary, left = _summarize(plan, after, done, budget), after.videos or after.pending
    cost = summary | compute_price(workspace.settings, budget.spent)
    show_embedded("backfill", workspace, stage, before, cost)
    if error:
        raise error
    if done:
        publish_stage(workspace, stage, videos_key(corpus), windows=done)
    return summary if left else summary | _run_later_stages(stage, through, child_runs)


@flow(
    name="embed-window", flow_run_name=name_run("embed-window-{corpus}"),
    **HOOKS,
    task_runner=ThreadPoolTaskRunner(max_workers=AT_ONCE),  # type: ignore[arg-type]
)  # fmt: skip
def embed_window(corpus: str, shards: list[str], spec: EmbedSpec) -> dict[str, Any]:
    """Embeds some planned shards of a backfill, which keeps other runs away from them.

    Shards that an earlier attempt finished are kept.

    Args:
        corpus: Name of the backfill's corpus.
        shards: Names of the shards.
        spec: The backfill's spec.
    """
    workspace = open_workspace(Settings())
    stage = register_embed(workspace, corpus, spec, shadow=True)
    # Takes no lock of the stage: the parent holds it for as long as its windows run.
    left = select_pending(workspace.store, stage.folder, shards)
    summary = embed_shards(workspace, stage, spec, left).to_dict()
    # Its own videos only: what the corpus has is on the parent's page, counted once.
    publish_summary("embed-window", corpus, summary)
    rows = (row for name in left for row in read_receipt(workspace.store, stage.folder, name).rows)
    publish_failed_rows("embed", corpus, rows, "id")
    return summary


def _iter_approved(
    scope: tuple[Workspace, Stage, str, int, int], plan: RemainingWork, approved: bool,
    budget: Budget,
) -> Iterator[list[str]]:  # fmt: skip
    """Yields the shards of each window of what was approved, or of all that is left."""
    # The answer may have taken days, in which others embedded and ingested.
    limit = None if approved else count_approved(plan, plan_backfill(*scope))
    return iter_windows(*scope[:4], budget, limit)


def _summarize(
    plan: RemainingWork, after: RemainingWork, done: int, budget: Budget
) -> dict[str, Any]:
    """What was planned, done and left, and why it stopped."""
    left = after.videos or after.pending
    return {
        "corpus": plan.corpus, "fingerprint": plan.fingerprint, "where": plan.where,
        "planned": plan.videos, "windows": done, "gpu_hours": budget.spent,
        "left": after.videos, "shards_left": after.pending,
        "stopped": "budget spent" if budget.is_spent and left else None,
    }  # fmt: skip


def _embed_windows(
    workspace: Workspace,
    stage: Stage,
    spec: EmbedSpec,
    waiting: Iterator[list[str]],
    budget: Budget,
) -> int:
    """Embeds every window in this process with the same workers; how many there were."""
    done, workers = 0, count_workers(workspace.settings)
    # Asked for before any worker starts: with nothing left to do, none loads a model.
    first = next(waiting, None)
    if first is None:
        return 0
    with open_embed_run(workspace, stage, spec) as run:
        for shards in chain([first], waiting):
            # Loading the model is paid for as well: by the first window.
            held_s = embed_with(run, shards).held_s
            budget.add(compute_hours(workspace.settings, held_s, workers))
            done += 1
    return done


def _run_later_stages(stage: Stage, through: str, child_runs: bool) -> dict[str, Any]:
    """Pools and indexes the new vectors with the corpus's current specs; their summaries."""
    made: dict[str, Any] = {}
    # By fingerprint: these vectors may be a shadow of the current ones.
    about = {"corpus": stage.corpus, "embed": stage.fingerprint}
    after: tuple[tuple[str, Flow], ...] = (("pool", pool), ("index", index))
    for kind, run in after[: THROUGH.index(through)]:
        made[kind] = run_stage(kind, about, stage.fingerprint) if child_runs else run(**about)
    return made


def read_plan(
    corpus: str, where: str, spec: EmbedSpec | None, window: int = 5000, at_once: int = 1
) -> dict[str, Any]:
    """Plans a backfill without running it."""
    workspace = open_workspace(Settings())
    spec = choose_embed_spec(workspace, workspace.check_corpus(corpus), spec)
    stage = register_embed(workspace, corpus, spec, shadow=True)
    return asdict(plan_backfill.fn(workspace, stage, where, window, at_once))
