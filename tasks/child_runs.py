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

RETRIED: dict[str, Any] = {
    "retries": 3, "retry_delay_seconds": exponential_backoff(10), "retry_jitter_factor": 0.5,
    "cache_policy": NO_CACHE, "persist_result": False,
}  # fmt: skip


def tag(parent: UUID | str) -> str:
    """What the child runs of a backfill carry."""
    return f"backfill:{parent}"


@task(name="window", task_run_name="window-{name}", **RETRIED)
def run_window(name: str, parameters: dict[str, Any], fingerprint: str) -> float:
    """Runs a window and waits for it: the seconds it took. Raises where it did not complete."""
    key = f"embed:{fingerprint}:{digest(parameters['shards'])[:12]}"
    return _run("embed-window/embed-window", f"window-{name}", parameters, key)


@task(name="stage", task_run_name="{kind}", **RETRIED)
def run_stage(kind: str, parameters: dict[str, Any], fingerprint: str) -> float:
    """Runs a stage that follows embed, as `run_window` does a window; the seconds it took."""
    about = f"{kind}-{parameters['corpus']}"
    return _run(f"{kind}/{kind}", about, parameters, f"{kind}:{fingerprint}")


def _run(deployment: str, name: str, parameters: dict[str, Any], key: str) -> float:
    """Runs a deployment once and waits for it.

    Its idempotency key has the attempt beside the `key` of what is done (stage, fingerprint,
    window): the same one would give back a failed run for ever.
    """
    flow, this = FlowRunContext.get(), TaskRunContext.get()
    assert flow is not None and flow.flow_run is not None and this is not None
    parent = flow.flow_run.id
    run = run_deployment(
        deployment, parameters=parameters, timeout=None, as_subflow=True,
        idempotency_key=f"{key}:{parent}:{this.task_run.run_count}", tags=[tag(parent)],
        flow_run_name=name,
    )  # fmt: skip
    assert isinstance(run, FlowRun)
    if run.state is None or not run.state.is_completed():
        said = run.state.message if run.state else "no state"
        raise RuntimeError(f"{name} did not complete: {said}")
    return run.total_run_time.total_seconds()


def stop_windows(parent: UUID | str | None = None) -> int:
    """Cancels the child runs of a backfill, of this one if left out; how many were under way."""
    flow = FlowRunContext.get()
    if parent is None:
        assert flow is not None and flow.flow_run is not None
        parent = flow.flow_run.id
    with get_client(sync_client=True) as client:
        chosen = FlowRunFilter(tags=FlowRunFilterTags(all_=[tag(parent)]))
        runs = client.read_flow_runs(flow_run_filter=chosen)
        under_way = [run for run in runs if run.state is None or not run.state.is_final()]
        for run in under_way:
            client.set_flow_run_state(run.id, Cancelling(), force=True)
    return len(under_way)
