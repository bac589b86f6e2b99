"""What is going on, as a server of Prefect's tells it."""

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient
from prefect.settings import (
    PREFECT_API_DATABASE_CONNECTION_URL,
)
from prefect.states import Scheduled
from support.corpora import FAKE

from data.errors import UserError
from data.settings import Settings
from data.workspace import Workspace
from flows.embed import embed
from flows.ingest import ingest
from tasks.progress import Progress, publish_progress
from tasks.service import load
from tasks.service.load import MIB, Gpu, measure_load, parse_gpu
from tasks.service.server import find_api_url, open_client
from tasks.service.top import MAX_LISTED, Activity, read_activity
from tasks.ui import live

HISTORY = 2000


@pytest.fixture
def client(prefect_backend: None) -> Iterator[SyncPrefectClient]:
    with open_client(find_api_url(Settings())) as client:
        yield client


@pytest.fixture
def history(client: SyncPrefectClient) -> Iterator[None]:
    """Two thousand more runs that ended, copied where making them would take minutes."""
    nothing("past")
    file = str(PREFECT_API_DATABASE_CONNECTION_URL.value()).partition(":///")[2]
    with closing(sqlite3.connect(file, timeout=60)) as database, database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(flow_run)")]
        kept = ", ".join(name for name in columns if name not in ("id", "name"))
        database.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
            f"INSERT INTO flow_run (name, {kept}) SELECT 'copied', {kept} FROM n, "
            "(SELECT * FROM flow_run WHERE end_time NOT NULL ORDER BY end_time DESC LIMIT 1)",
            [HISTORY],
        )
    yield
    with closing(sqlite3.connect(file, timeout=60)) as database, database:
        database.execute("DELETE FROM flow_run WHERE name = 'copied'")


@flow(flow_run_name="watching-{corpus}")
def watching(corpus: str, client: SyncPrefectClient) -> Activity:
    """What is seen while a run of embed is under way."""
    with live.show_progress("embed", corpus):
        publish_progress(Progress("embed", 40, done=10))
        due = time.monotonic() + 60
        while not any(run.said for run in read_activity(client).running):
            assert time.monotonic() < due
        return read_activity(client)


@flow
def nothing(corpus: str) -> None:
    """Does nothing."""


def test_a_run_is_seen_with_its_progress_and_then_with_its_result(
    client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "FIRST_S", 0.1)
    seen = {run.name: run for run in watching("seen", client).running}
    run = seen["watching-seen"]
    assert (run.state, run.corpus) == ("Running", "seen")
    assert " left · 10/40" in run.said
    ended = {run.name: run for run in read_activity(client).finished}
    assert ended["watching-seen"].state == "Completed"
    assert " left · 10/40" in ended["watching-seen"].said


def test_a_failed_run_says_why(client: SyncPrefectClient, workspace: Workspace) -> None:
    with pytest.raises(UserError):
        embed("nowhere", FAKE)
    newest = read_activity(client).finished[0]
    assert (newest.name, newest.state) == ("embed-nowhere", "Failed")
    assert "no corpus 'nowhere'" in newest.said


def test_failures_are_those_of_the_last_embedding(
    client: SyncPrefectClient, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest("fake://8?undecodable=2&empty=1", "Told.of")
    embed("Told.of", FAKE)
    seen = read_activity(client)
    assert seen.failures["Told.of"] == {"undecodable": 2, "empty": 1}
    ended = next(run for run in seen.finished if run.name == "embed-Told.of")
    assert ended.said.startswith("5 done, 3 failed · 62.5% of 8 covered · ")
    monkeypatch.setattr(live, "FIRST_S", 0.1)
    watching("Told.of", client)
    assert "Told.of" not in read_activity(client).failures


def test_what_should_have_begun_is_told_from_what_is_to_come(client: SyncPrefectClient) -> None:
    now = datetime.now(UTC)
    before = read_activity(client).due
    times = {"due": now - timedelta(minutes=5), "coming": now + timedelta(minutes=5)}
    made = [
        client.create_flow_run(
            nothing, name=name, parameters={"corpus": "c"}, state=Scheduled(scheduled_time=at)
        )
        for name, at in times.items()
    ]
    seen = read_activity(client)
    assert seen.due == before + 1
    assert ("due", times["due"]) in [(run.name, run.since) for run in seen.waiting]
    assert ("coming", times["coming"]) in [(run.name, run.since) for run in seen.coming]
    for run in made:
        client.delete_flow_run(run.id)
    assert read_activity(client).due == before


def test_a_long_history_costs_neither_time_nor_bytes(
    client: SyncPrefectClient, history: None
) -> None:
    answered: list[int] = []
    client._client.event_hooks["response"].append(lambda r: answered.append(len(r.read())))
    started = time.perf_counter()
    seen = read_activity(client)
    assert time.perf_counter() - started < 30
    assert client.count_flow_runs() >= HISTORY
    assert len(seen.finished) == MAX_LISTED
    assert len(answered) <= 13
    assert sum(answered) < 100_000


def test_this_machine_is_measured_with_the_ray_workers_on_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mark = f"ray-{os.getpid()}::"  # other tests have a Ray of their own meanwhile
    monkeypatch.setattr(load, "RAY_PREFIX", mark)
    before = measure_load()
    assert 0 < before.memory_used < before.memory
    titles = (f"{mark}IDLE", f"{mark}Worker.work", f"a{mark}of")
    asleep = ["-c", "import time; time.sleep(60)"]
    started = [subprocess.Popen([title, *asleep], executable=sys.executable) for title in titles]
    try:
        after = measure_load()
        assert after.ray_busy - before.ray_busy == 1
        assert after.ray_idle - before.ray_idle == 1
    finally:
        for process in started:
            process.kill()
            process.wait()


def test_a_gpu_is_read_whatever_it_leaves_out() -> None:
    assert parse_gpu("93, 1024, 143771, NVIDIA H200") == Gpu(
        "NVIDIA H200", 93, 1024 * MIB, 143771 * MIB
    )
    assert parse_gpu("[N/A], [N/A], 24576, A, B") == Gpu("A, B", 0, 0, 24576 * MIB)
