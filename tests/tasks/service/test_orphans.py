"""What a killed flow leaves Running ends with it."""

from collections.abc import Iterator

import pytest
from prefect import flow, task
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import StateType, TaskRun
from prefect.states import Cancelled, Completed, Crashed, Running
from support.paths import REPOSITORY

import flows
from tasks.service import orphans

pytestmark = pytest.mark.usefixtures("prefect_backend")


@pytest.fixture
def client() -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as client:
        yield client


@flow(name="killed")
def killed() -> None: ...


@task(name="shard")
def shard() -> None: ...


def _begin(client: SyncPrefectClient, parent: TaskRun | None = None, tasks: int = 2):
    """A run at work, with tasks at work."""
    run = client.create_flow_run(
        killed, state=Running(), parent_task_run_id=parent.id if parent else None
    )
    return run, [
        client.create_task_run(shard, run.id, dynamic_key=str(n), state=Running())
        for n in range(tasks)
    ]


@pytest.mark.parametrize("end", [Crashed, Cancelled])
def test_tasks_and_subflows_of_a_killed_run_end_with_it_and_no_others(client, end) -> None:
    run, [first, second] = _begin(client)
    child, [third, fourth] = _begin(client, parent=first)
    other, [fifth, sixth] = _begin(client)
    done, [seventh, eighth] = _begin(client)
    client.set_flow_run_state(run.id, end(), force=True)
    client.set_flow_run_state(done.id, Completed(), force=True)
    orphans.end_tasks(killed, client.read_flow_run(run.id), end())
    states = [client.read_task_run(each.id).state_type for each in (first, second, third, fourth)]
    assert states == [end().type] * 4
    assert client.read_flow_run(child.id).state_type == end().type
    for each in (fifth, sixth, seventh, eighth):
        assert client.read_task_run(each.id).state_type == StateType.RUNNING
    assert client.read_flow_run(other.id).state_type == StateType.RUNNING


def test_all_of_them_are_found_once_their_last_states_would_have_arrived(
    client, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, tasks = _begin(client)
    client.set_flow_run_state(run.id, Crashed(), force=True)
    orphans.end_orphans(client)
    assert client.read_task_run(tasks[0].id).state_type == StateType.RUNNING
    monkeypatch.setattr(orphans, "MIN_AGE", orphans.timedelta(0))
    assert orphans.end_orphans(client) >= 2
    assert {client.read_task_run(each.id).state_type for each in tasks} == {StateType.CRASHED}
    assert orphans.end_orphans(client) == 0


def test_every_flow_ends_its_tasks() -> None:
    import importlib

    from prefect import Flow

    found = 0
    for file in sorted((REPOSITORY / "flows").glob("[a-z]*.py")):
        module = importlib.import_module(f"{flows.__name__}.{file.stem}")
        for each in vars(module).values():
            if isinstance(each, Flow) and each.fn.__module__ == module.__name__:
                found += 1
                assert orphans.end_tasks in each.on_crashed_hooks, each.name
                assert orphans.end_tasks in each.on_cancellation_hooks, each.name
    assert found > 20
