"""The approval of a backfill: asked for once, without a process that waits for the answer."""

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from prefect.context import FlowRunContext
from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from pydantic import Field

from data.errors import UserError
from data.runs.backfill import RemainingWork
from data.shards.stages import Stage
from data.store import layout
from data.workspace import Workspace

APPROVAL_S = int(timedelta(days=7).total_seconds())  # how long a run waits for approval
KEY = "approval"  # of the suspension: Prefect suspends a run once for each key


class Approval(RunInput):
    """What whoever approves the plan can change, in the form that Resume opens."""

    budget_gpu_hours: float | None = Field(
        None, gt=0, description="Start no window after this many hours; as planned if left empty."
    )


def require_approval(
    workspace: Workspace, stage: Stage, make_plan: Callable[[], RemainingWork],
    render: Callable[[RemainingWork], str], approved: bool,
) -> tuple[RemainingWork, float | None]:  # fmt: skip
    """Returns the plan once it is approved: beforehand, or by resuming the suspended run.

    Beside it, the budget in hours that whoever approved it set, if any.

    Suspending ends the process. The resumed run starts from the beginning, on any worker, and gets
    the plan that was shown from the store; so does a later retry of the run, which is not asked for
    again. A UserError where nobody could resume the run, since it is of no deployment, and where
    the corpus uses another spec than the plan.
    """
    context = FlowRunContext.get()
    run = context.flow_run if context is not None else None
    file = layout.backfill_file(stage.corpus, str(run.id)) if run is not None else None
    record = _read_record(workspace, file)
    plan = RemainingWork(**record["plan"]) if record else make_plan()
    if plan.fingerprint != stage.fingerprint:
        raise UserError(
            f"{stage.corpus} now uses another spec than this plan, {plan.fingerprint}: start a new"
            " backfill"
        )
    if approved or (not plan.videos and not plan.pending):
        return plan, None
    if record.get("approval") is not None:
        return plan, record["approval"]["budget_gpu_hours"]
    if run is None or file is None or run.deployment_id is None:
        raise UserError(
            f"{plan.videos:,} videos ({plan.hours:.1f} h) would be embedded: add --approve to start"
        )
    _write_record(workspace, file, {"plan": asdict(plan), "approval": None})
    form = Approval.with_initial_data(description=render(plan))
    answer = suspend_flow_run(wait_for_input=form, timeout=APPROVAL_S, key=KEY)
    # A crash would make Prefect forget the answer, but not the store.
    approval = {"budget_gpu_hours": answer.budget_gpu_hours}
    _write_record(workspace, file, {"plan": asdict(plan), "approval": approval})
    return plan, answer.budget_gpu_hours


def count_approved(plan: RemainingWork, now: RemainingWork) -> int:
    """How many of the plan's videos no shard lists yet; videos that came later are not approved."""
    listed_since = (now.matching - now.videos) - (plan.matching - plan.videos)
    return max(plan.videos - listed_since, 0)


def _read_record(workspace: Workspace, file: str | None) -> dict[str, Any]:
    if file is None or not workspace.store.exists(file):
        return {}
    record: dict[str, Any] = json.loads(workspace.store.read(file))
    return record


def _write_record(workspace: Workspace, file: str, record: dict[str, Any]) -> None:
    workspace.store.write(file, json.dumps(record).encode())
