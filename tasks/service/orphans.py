"""Ends what killed flows leave Running in the UI: their tasks, and subflows of their process."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas import filters
from prefect.client.schemas.objects import FlowRun, State, StateType, TaskRun
from prefect.states import Cancelled, Crashed
from prefect.types._datetime import now

OPEN = [StateType.RUNNING, StateType.PENDING]
KILLED = [StateType.CRASHED, StateType.CANCELLED, StateType.FAILED]
PAGE = 200  # runs that the server returns at once
MIN_AGE = timedelta(minutes=1)  # the server records the last states of tasks seconds later
MESSAGE = "ended with its flow run"


def end_tasks(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Ends the tasks of a run that was killed or cancelled; a hook, called by the run's worker."""
    with get_client(sync_client=True) as client:
        end_orphans(client, [flow_run.id])


def end_orphans(client: SyncPrefectClient, runs: Sequence[UUID] | None = None) -> int:
    """Ends open tasks and subflows of these runs, or of all killed ones; how many there were."""
    ended = 0
    while tasks := _list_tasks(client, runs):
        states = {task.id: _final_state(client, task) for task in tasks}
        for id, state in states.items():
            client.set_task_run_state(id, state, force=True)
        ended += len(states)
        for child in _list_subflows(client, list(states)):
            assert child.parent_task_run_id is not None  # by which it was found
            client.set_flow_run_state(child.id, states[child.parent_task_run_id], force=True)
            ended += 1 + end_orphans(client, [child.id])
    return ended


def _list_tasks(client: SyncPrefectClient, runs: Sequence[UUID] | None) -> list[TaskRun]:
    killed = filters.FlowRunFilter(
        id=None if runs is None else filters.FlowRunFilterId(any_=list(runs)),
        state=filters.FlowRunFilterState(type=filters.FlowRunFilterStateType(any_=KILLED)),
        end_time=None if runs else filters.FlowRunFilterEndTime(before_=now("UTC") - MIN_AGE),
    )
    still_open = filters.TaskRunFilter(
        state=filters.TaskRunFilterState(type=filters.TaskRunFilterStateType(any_=OPEN))
    )
    return client.read_task_runs(flow_run_filter=killed, task_run_filter=still_open, limit=PAGE)


def _list_subflows(client: SyncPrefectClient, tasks: list[UUID]) -> list[FlowRun]:
    """The open runs that these tasks stand for, in the same process: others go on by themselves."""
    children = filters.FlowRunFilter(
        parent_task_run_id=filters.FlowRunFilterParentTaskRunId(any_=tasks),
        state=filters.FlowRunFilterState(type=filters.FlowRunFilterStateType(any_=OPEN)),
        deployment_id=filters.FlowRunFilterDeploymentId(is_null_=True),
    )
    return client.read_flow_runs(flow_run_filter=children, limit=PAGE)


def _final_state(client: SyncPrefectClient, task: TaskRun) -> State[Any]:
    run = client.read_flow_run(task.flow_run_id) if task.flow_run_id else None
    was_cancelled = run is not None and run.state_type == StateType.CANCELLED
    return Cancelled(message=MESSAGE) if was_cancelled else Crashed(message=MESSAGE)
