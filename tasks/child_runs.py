"""Windows of a backfill as flow runs of a deployment, on whichever worker takes them."""

from typing import Any
from uuid import UUID

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.context import FlowRunContext, TaskRunContext
from prefect.deployments import run_deployment
from prefect.states import Cancelled, Cancelling
from prefect.tasks import exponential_backoff

from data.runs import digest
from tasks.progress import say

RETRIED: dict[str, Any] = {
    "retries": 3, "retry_delay_seconds": exponential_backoff(10), "retry_jitter_factor": 0.5,
    "cache_policy": NO_CACHE, "persist_result": False,
}  # fmt: skip
WAITING = [StateType.SCHEDULED, StateType.PAUSED]
UNDER_WAY = [*WAITING, StateType.PENDING, StateType.RUNNING]


def of_backfill(parent: UUID) -> str:
    """The tag of the child runs of a backfill."""
    return f"backfill:{parent}"


def windows_of(corpus: str) -> str:
    """The tag of the windows of a corpus, whichever backfill they are of."""
    return f"windows:{corpus}"


@task(name="window", task_run_name="window-{name}", **RETRIED)
def run_window(name: str, parameters: dict[str, Any], fingerprint: str) -> float:
    """Runs a window and waits for it: the seconds it took. Raises where it did not complete."""
    key = f"embed:{fingerprint}:{digest(parameters['shards'])[:12]}"
    tags = [windows_of(parameters["corpus"])]
    return _run("embed-window/embed-window", f"window-{name}", parameters, key, tags)


@task(name="stage", task_run_name="{kind}", **RETRIED)
def run_stage(kind: str, parameters: dict[str, Any], fingerprint: str) -> float:
    """Runs a stage that follows embed, as `run_window` does a window; the seconds it took."""
    about = f"{kind}-{parameters['corpus']}"
    return _run(f"{kind}/{kind}", about, parameters, f"{kind}:{fingerprint}", [])


def _run(
    deployment: str, name: str, parameters: dict[str, Any], key: str, tags: list[str]
) -> float:
    """Runs a deployment once and waits for it.

    Its idempotency key has the attempt beside the `key` of what is done (stage, fingerprint,
    window): the same one would give back a failed run for ever.
    """
    flow, this = FlowRunContext.get(), TaskRunContext.get()
    assert flow is not None and flow.flow_run is not None and this is not None
    parent = flow.flow_run.id
    run = run_deployment(
        deployment, parameters=parameters, timeout=None, as_subflow=True,
        idempotency_key=f"{key}:{parent}:{this.task_run.run_count}", flow_run_name=name,
        tags=[of_backfill(parent), *tags],
    )  # fmt: skip
    assert isinstance(run, FlowRun)
    if run.state is None or not run.state.is_completed():
        said = run.state.message if run.state else "no state"
        raise RuntimeError(f"{name} did not complete: {said}")
    return run.total_run_time.total_seconds()


def stop_own() -> None:
    """Cancels the child runs of this backfill."""
    flow = FlowRunContext.get()
    assert flow is not None and flow.flow_run is not None
    stop(of_backfill(flow.flow_run.id))


def stop_left(corpus: str) -> None:
    """Cancels windows that a killed backfill left.

    For who holds the lock of the corpus's embedding: nobody waits for those under way any more.
    """
    if left := stop(windows_of(corpus)):
        say(f"cancelled {left} windows of {corpus} that a killed backfill had left")


def stop(tag: str) -> int:
    """Cancels the runs that carry the tag; how many were under way."""
    with get_client(sync_client=True) as client:
        chosen = FlowRunFilter(
            tags=FlowRunFilterTags(all_=[tag]),
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=UNDER_WAY)),
        )
        runs = client.read_flow_runs(flow_run_filter=chosen)  # fewer than one answer holds
        for run in runs:
            waits = run.state_type in WAITING  # then no process is there to see it end
            client.set_flow_run_state(run.id, Cancelled() if waits else Cancelling(), force=True)
    return len(runs)
