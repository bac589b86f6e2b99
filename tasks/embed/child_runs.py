"""Windows of a backfill as flow runs of a deployment, on whichever worker takes them."""

import os
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.context import FlowRunContext, TaskRunContext
from prefect.deployments import run_deployment
from prefect.states import Cancelled, Cancelling
from prefect.tasks import exponential_backoff

from data.runs.generations import digest
from tasks.progress import say

RETRIED: dict[str, Any] = {
    "retries": 3, "retry_delay_seconds": exponential_backoff(10), "retry_jitter_factor": 0.5,
    "cache_policy": NO_CACHE, "persist_result": False,
}  # fmt: skip
WAITING = [StateType.SCHEDULED, StateType.PAUSED]
UNDER_WAY = [*WAITING, StateType.PENDING, StateType.RUNNING]
UNFINISHED = [*UNDER_WAY, StateType.CANCELLING]
LOOK_S = 5.0  # between looks at whether a run has ended
END_S = 30.0  # a cancelled window's process is gone in less


def of_backfill(parent: UUID) -> str:
    """The tag of the child runs of a backfill."""
    return f"backfill:{parent}"


def windows_of(root: str, corpus: str) -> str:
    """The tag of the windows of a corpus of a store, whichever backfill they are of."""
    where = root if "://" in root else os.path.abspath(root)
    return f"windows:{digest([where, corpus])[:12]}"


@task(name="window", task_run_name="window-{name}", **RETRIED)
def run_window(
    name: str, parameters: dict[str, Any], fingerprint: str, root: str,
    took: Callable[[float], object],
) -> None:  # fmt: skip
    """Runs a window and waits for it; raises where it did not complete.

    `took` is told the seconds of each attempt, of one that failed too.
    """
    key = f"embed:{fingerprint}:{digest(parameters['shards'])[:12]}"
    tags = [windows_of(root, parameters["corpus"])]
    run = _run("embed-window/embed-window", f"window-{name}", parameters, key, tags)
    took(run.total_run_time.total_seconds())
    _completed(run, f"window-{name}")


@task(name="stage", task_run_name="{kind}", **RETRIED)
def run_stage(kind: str, parameters: dict[str, Any], fingerprint: str) -> float:
    """Runs a stage that follows embed, as `run_window` does a window; the seconds it took."""
    about = f"{kind}-{parameters['corpus']}"
    run = _run(f"{kind}/{kind}", about, parameters, f"{kind}:{fingerprint}", [])
    _completed(run, about)
    return run.total_run_time.total_seconds()


def _run(
    deployment: str, name: str, parameters: dict[str, Any], key: str, tags: list[str]
) -> FlowRun:
    """Runs a deployment once and waits for its end.

    Its idempotency key has the backfill's run and the attempt beside the `key` of what is done
    (stage, fingerprint, window): the same one would give back a failed run for ever.
    """
    flow, this = FlowRunContext.get(), TaskRunContext.get()
    assert flow is not None and flow.flow_run is not None and this is not None
    parent = flow.flow_run.id
    run = run_deployment(
        deployment, parameters=parameters, timeout=None, poll_interval=LOOK_S, as_subflow=True,
        idempotency_key=f"{key}:{parent}:{this.task_run.run_count}", flow_run_name=name,
        tags=[of_backfill(parent), *tags],
    )  # fmt: skip
    assert isinstance(run, FlowRun)
    return run


def _completed(run: FlowRun, name: str) -> None:
    """Raises where it did not complete."""
    if run.state is None or not run.state.is_completed():
        said = run.state.message if run.state else "no state"
        raise RuntimeError(f"{name} did not complete: {said}")


def cancel_own() -> None:
    """Cancels the child runs of this backfill."""
    flow = FlowRunContext.get()
    assert flow is not None and flow.flow_run is not None
    cancel(of_backfill(flow.flow_run.id))


def cancel_left(root: str, corpus: str) -> None:
    """Cancels windows that a killed backfill left, and gives them some time to end.

    For who holds the lock of the corpus's embedding: nobody waits for those under way any more.
    """
    if FlowRunContext.get() is None:
        return  # there is no server to ask
    if left := cancel(windows_of(root, corpus)):
        say(f"windows of {corpus} that a killed backfill had left are cancelled: {len(left)}")
        until = time.monotonic() + END_S
        while _under_way(FlowRunFilter(id=FlowRunFilterId(any_=left)), UNFINISHED):
            if time.monotonic() > until:
                return say("they have not ended: perhaps their machine is gone")
            time.sleep(1)


def cancel(tag: str) -> list[UUID]:
    """Cancels the runs that carry the tag; which were under way."""
    with get_client(sync_client=True) as client:
        runs = _under_way(FlowRunFilter(tags=FlowRunFilterTags(all_=[tag])), UNDER_WAY)
        for run in runs:
            waits = run.state_type in WAITING  # then no process is there to see it end
            client.set_flow_run_state(run.id, Cancelled() if waits else Cancelling(), force=True)
    return [run.id for run in runs]


def _under_way(chosen: FlowRunFilter, states: list[StateType]) -> list[FlowRun]:
    """Those of the runs that are in such a state: fewer than one answer holds."""
    chosen.state = FlowRunFilterState(type=FlowRunFilterStateType(any_=states))
    with get_client(sync_client=True) as client:
        return client.read_flow_runs(flow_run_filter=chosen)
