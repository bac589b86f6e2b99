"""Prefect's history of our runs: what is old is counted, and deleted on request."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.exceptions import ObjectNotFound
from prefect.states import Completed, Crashed, Failed, Running
from prefect.types._datetime import now

from tasks.service import history

pytestmark = pytest.mark.usefixtures("prefect_backend")


@flow(name="of-ours")
def of_ours() -> None: ...


@flow(name="of-others")
def of_others() -> None: ...


@pytest.fixture
def client() -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as client:
        made = client.create_deployment(client.create_flow(of_ours), "own", tags=[history.TAG])
        yield client
        client.delete_deployment(made)


def _exists(client: SyncPrefectClient, run) -> bool:
    try:
        client.read_flow_run(run.id)
    except ObjectNotFound:
        return False
    return True


def test_old_runs_of_ours_are_deleted_and_nothing_else(
    client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(which, state):
        run = client.create_flow_run(which, state=Running())
        client.set_flow_run_state(run.id, state, force=True)
        return run

    gone = [end(of_ours, state) for state in (Completed(), Failed(), Crashed())]
    kept = [end(of_others, Completed()), client.create_flow_run(of_ours, state=Running())]
    between = now("UTC")
    kept.append(end(of_ours, Completed()))
    # The server takes no dates from a client: these runs are as old as they are in a month.
    monkeypatch.setattr(history, "now", lambda zone: between + timedelta(days=30))
    assert history.prune_history(client, 30, remove=False) == 3
    assert all(_exists(client, run) for run in [*gone, *kept])
    assert history.prune_history(client, 30, remove=True) == 3
    assert [_exists(client, run) for run in gone] == [False] * 3
    assert all(_exists(client, run) for run in kept)
    assert history.prune_history(client, 30, remove=True) == 0
