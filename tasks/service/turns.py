"""A deployed run that has to wait gives its worker's place back, and is started again later.

Otherwise the runs that wait could hold every place, and what they wait for never get one.
"""

import os
import threading
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.responses import SetStateStatus
from prefect.context import FlowRunContext
from prefect.exceptions import Pause
from prefect.states import Cancelled, Scheduled
from prefect.types._datetime import now

from tasks.progress import notify

STATE = "WaitingForOthers"  # a Scheduled state: no process, and never called late
RUN_ID = "PREFECT__FLOW_RUN_ID"  # set by Prefect for the run that a worker's process executes
FIRST_S, LONGEST_S = 20.0, 600.0
SHARE = 0.25  # of the time it has waited so far: a start costs some 5 s of a core


def wait_turn(reason: str) -> None:
    """Notes what this process waits for and returns, so that it waits.

    A run that a worker started does not return: it is scheduled again, for the next try in 20 s to
    10 min, and its process ends. Finished work is kept, as after a kill.
    """
    notify(reason)
    if is_deployed():
        with get_client(sync_client=True) as client:
            run = client.read_flow_run(UUID(os.environ[RUN_ID]))
            state: State[Any] = Scheduled(scheduled_time=_next_try(run), name=STATE, message=reason)
            answer = client.set_flow_run_state(run.id, state)
            # Refused where somebody cancels the run: the signal that ends it is on its way.
            if answer.status == SetStateStatus.ACCEPT:
                _leave(client, run, reason)
                raise Pause(state=answer.state or state)


def is_deployed() -> bool:
    """Whether this is the main thread of a run that a worker started, and can start again."""
    is_main = threading.current_thread() is threading.main_thread()
    if not os.environ.get(RUN_ID) or FlowRunContext.get() is None or not is_main:
        return False
    with get_client(sync_client=True) as client:
        return client.read_flow_run(UUID(os.environ[RUN_ID])).deployment_id is not None


def _next_try(run: FlowRun) -> datetime:
    waited = (now("UTC") - (run.start_time or now("UTC"))).total_seconds()
    return now("UTC") + timedelta(seconds=min(max(FIRST_S, SHARE * waited), LONGEST_S))


def _leave(client: SyncPrefectClient, root: FlowRun, reason: str) -> None:
    """Ends the subflows between the run and this place, which its next start does not take up."""
    # Without a process there is nothing to signal: a cancellation takes effect at once.
    client.request(
        "PATCH", "/flow_runs/{id}", path_params={"id": root.id}, json={"infrastructure_pid": ""}
    )
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    while run is not None and run.id != root.id and run.parent_task_run_id:
        client.set_flow_run_state(run.id, Cancelled(message=reason), force=True)
        parent = client.read_task_run(run.parent_task_run_id).flow_run_id
        run = client.read_flow_run(parent) if parent else None
