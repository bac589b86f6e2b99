"""Child runs of a backfill: flow runs of a deployment, on whichever worker takes them."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterIdempotencyKey,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.context import FlowRunContext, TaskRunContext
from prefect.deployments import run_deployment
from prefect.states import Cancelled, Cancelling
from prefect.tasks import exponential_backoff

from data.stamps import hash_json, utc_now
from engines.base import Runner
from tasks.progress import notify

# Waits of 10, 20 and 40 s, spread out: a worker that restarts, or a server that is overloaded,
# should not get all windows back at once.
RETRY_OPTIONS: dict[str, Any] = {
    "retries": 3, "retry_delay_seconds": exponential_backoff(10), "retry_jitter_factor": 0.5,
    "cache_policy": NO_CACHE, "persist_result": False,
}  # fmt: skip
WAITING = [StateType.SCHEDULED, StateType.PAUSED]
ACTIVE = [*WAITING, StateType.PENDING, StateType.RUNNING]
UNFINISHED = [*ACTIVE, StateType.CANCELLING]
HELD, SINCE = "reelflow.held_s", "reelflow.held_since"  # labels of a run
POLL_S = 5.0  # between checks whether a run has ended
CANCEL_WAIT_S = 30.0  # the process of a cancelled window ends in less


def backfill_tag(parent: UUID) -> str:
    """The tag of the child runs of a backfill."""
    return f"backfill:{parent}"


def windows_tag(root: str, corpus: str) -> str:
    """The tag of the windows of a corpus in a store, whichever backfill started them."""
    location = root if "://" in root else os.path.abspath(root)
    return f"windows:{hash_json([location, corpus])[:12]}"


@task(name="stage", task_run_name="{kind}", **RETRY_OPTIONS)
def run_stage(kind: str, parameters: dict[str, Any], fingerprint: str) -> float:
    """Runs a stage that follows embed as a child run and waits for it; the seconds it ran."""
    name = f"{kind}-{parameters['corpus']}"
    run = run_child(f"{kind}/{kind}", name, parameters, f"{kind}:{fingerprint}", [])
    require_completed(run, name)
    return run.total_run_time.total_seconds()


@contextmanager
def record_held(runner: Runner) -> Iterator[None]:
    """Notes on this flow run since when, and for how long, it holds workers: during the block."""
    if (context := FlowRunContext.get()) is None or context.flow_run is None:
        yield
        return
    id, started = context.flow_run.id, time.monotonic()
    _label_run(id, {SINCE: utc_now()})  # first: a run that is killed notes nothing more
    try:
        yield
    finally:
        _label_run(id, {HELD: time.monotonic() - started - runner.waited_s})


def read_held_s(run: FlowRun) -> float:
    """The seconds for which a run that ended held workers: not those in which it waited for any."""
    if (held := run.labels.get(HELD)) is not None:
        return float(held)
    since, ended = run.labels.get(SINCE), run.end_time
    if since is None or ended is None:
        return 0.0
    return max(0.0, ended.timestamp() - datetime.fromisoformat(str(since)).timestamp())


def _label_run(id: UUID, labels: dict[str, Any]) -> None:
    with get_client(sync_client=True) as client:
        client.update_flow_run_labels(id, labels)


def run_child(
    deployment: str, name: str, parameters: dict[str, Any], key: str, tags: list[str]
) -> FlowRun:
    """Runs a deployment once as a child of this run, and returns the run once it has ended.

    `key` names the work: stage, fingerprint and window.
    """
    flow, this = FlowRunContext.get(), TaskRunContext.get()
    assert flow is not None and flow.flow_run is not None and this is not None
    parent, attempt = flow.flow_run.id, this.task_run.run_count
    # A retry of the backfill gets new runs: those of its last try have failed, or were cancelled.
    prefix = f"{key}:{parent}:{flow.flow_run.run_count}"
    # An attempt may have failed at asking for its run, and not the run: that goes on, or is done.
    keys = FlowRunFilterIdempotencyKey(any_=[f"{prefix}:{n}" for n in range(1, attempt)])
    live = [*UNFINISHED, StateType.COMPLETED]
    if keys.any_ and (earlier := _list_runs(FlowRunFilter(idempotency_key=keys), live)):
        return _wait_for_end(earlier[0].id)
    # The server returns the existing run for an idempotency key that it knows. With the attempt in
    # the key a retry starts a new run, instead of getting the failed one back for ever.
    run = run_deployment(
        deployment, parameters=parameters, timeout=None, poll_interval=POLL_S, as_subflow=True,
        idempotency_key=f"{prefix}:{attempt}", flow_run_name=name,
        tags=[backfill_tag(parent), *tags],
    )  # fmt: skip
    assert isinstance(run, FlowRun)
    return run


def _wait_for_end(id: UUID) -> FlowRun:
    while True:
        with get_client(sync_client=True) as client:
            run = client.read_flow_run(id)
        if run.state is not None and run.state.is_final():
            return run
        time.sleep(POLL_S)


def require_completed(run: FlowRun, name: str) -> None:
    """Raises a RuntimeError where the run did not complete."""
    if run.state is None or not run.state.is_completed():
        message = run.state.message if run.state else "no state"
        raise RuntimeError(f"{name} did not complete: {message}")


def cancel_children() -> None:
    """Cancels the child runs of the backfill that this process runs."""
    flow = FlowRunContext.get()
    assert flow is not None and flow.flow_run is not None
    cancel_runs(backfill_tag(flow.flow_run.id))


def cancel_leftovers(root: str, corpus: str) -> None:
    """Cancels windows that a killed backfill left, and waits up to 30 s for their end.

    Only the holder of the corpus's embed lock may call this: no backfill waits for them any more.
    """
    if FlowRunContext.get() is None:
        return  # outside of a flow run there is no server to query
    if ids := cancel_runs(windows_tag(root, corpus)):
        notify(f"cancelled {len(ids)} windows of {corpus} left by a killed backfill")
        until = time.monotonic() + CANCEL_WAIT_S
        while _list_runs(FlowRunFilter(id=FlowRunFilterId(any_=ids)), UNFINISHED):
            if time.monotonic() > until:
                return notify("some of these have not ended: their machine may be gone")
            time.sleep(1)


def cancel_runs(tag: str) -> list[UUID]:
    """Cancels the active runs that carry the tag; their ids."""
    with get_client(sync_client=True) as client:
        runs = _list_runs(FlowRunFilter(tags=FlowRunFilterTags(all_=[tag])), ACTIVE)
        for run in runs:
            # No process would ever turn the Cancelling state of a waiting run into Cancelled.
            waits = run.state_type in WAITING
            client.set_flow_run_state(run.id, Cancelled() if waits else Cancelling(), force=True)
    return [run.id for run in runs]


def _list_runs(run_filter: FlowRunFilter, states: list[StateType]) -> list[FlowRun]:
    """The runs that pass the filter and are in one of the states: fewer than a page of answers."""
    run_filter.state = FlowRunFilterState(type=FlowRunFilterStateType(any_=states))
    with get_client(sync_client=True) as client:
        return client.read_flow_runs(flow_run_filter=run_filter)
