"""Windows of a backfill as flow runs of a deployment, on whichever worker takes them."""

from typing import Any
from uuid import UUID

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext, TaskRunContext
from prefect.deployments import run_deployment
from prefect.states import Cancelling
from prefect.tasks import exponential_backoff

from data.runs import digest

DEPLOYMENT = "embed-window/embed-window"


def tag(parent: UUID | str) -> str:
    """What the child runs of a backfill carry."""
    return f"backfill:{parent}"


@task(
    name="window", task_run_name="window-{name}", cache_policy=NO_CACHE, persist_result=False,
    retries=3, retry_delay_seconds=exponential_backoff(10), retry_jitter_factor=0.5,
)  # fmt: skip
def run_window(name: str, parameters: dict[str, Any], fingerprint: str) -> float:
    """Runs a window and waits for it: the seconds it took. Raises where it did not complete.

    The idempotency key names stage, fingerprint, window, and the attempt: the same key would give
    back a failed run for ever.
    """
    flow, this = FlowRunContext.get(), TaskRunContext.get()
    assert flow is not None and flow.flow_run is not None and this is not None
    window = digest(parameters["shards"])[:12]
    parent = flow.flow_run.id
    key = f"embed:{fingerprint}:{window}:{parent}:{this.task_run.run_count}"
    run = run_deployment(
        DEPLOYMENT, parameters=parameters, idempotency_key=key, tags=[tag(parent)],
        flow_run_name=f"window-{name}", timeout=None, as_subflow=True,
    )  # fmt: skip
    assert isinstance(run, FlowRun)
    if run.state is None or not run.state.is_completed():
        said = run.state.message if run.state else "no state"
        raise RuntimeError(f"window {name} did not complete: {said}")
    return run.total_run_time.total_seconds()


def stop_windows(parent: UUID | str) -> int:
    """Cancels the child runs of a backfill that are not at their end; how many there were."""
    with get_client(sync_client=True) as client:
        chosen = FlowRunFilter(tags=FlowRunFilterTags(all_=[tag(parent)]))
        runs = client.read_flow_runs(flow_run_filter=chosen)
        under_way = [run for run in runs if run.state is None or not run.state.is_final()]
        for run in under_way:
            client.set_flow_run_state(run.id, Cancelling(), force=True)
    return len(under_way)
