"""The service as users have it: real processes, a real schedule, seen through the API."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from data.errors import UserError
from data.settings import Settings
from tasks.service import Service, folder_of, read, start, stop


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(root=str(tmp_path_factory.mktemp("served") / "store"))


@pytest.fixture(scope="module")
def service(settings: Settings) -> Iterator[Service]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_HOME", str(folder_of(settings) / "prefect"))
        patch.setenv("PREFECT_WORKER_QUERY_SECONDS", "2")
        patch.setenv("PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS", "5")
        patch.setenv("PREFECT_SERVER_SERVICES_SCHEDULER_MAX_RUNS", "3")
        patch.setenv("REELFLOW_RUNNER", "in_process")
        service = start(settings, "127.0.0.1", _free_port())
        yield service
        stop(service)


def ask(service: Service, path: str, body: dict | None = None) -> dict | list:
    data = None if body is None else json.dumps(body).encode()
    request = Request(f"{service.url}/api/{path}", data, {"Content-Type": "application/json"})
    with urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


@pytest.mark.timeout(400)
def test_a_schedule_is_served_and_its_run_completes(service: Service) -> None:
    nightly = ask(service, "deployments/name/pipeline/nightly")
    parameters = {
        "corpus": "served", "source": "fake://3", "embed_spec": {"engine": "fake"},
        "index_spec": {"engine": "flat"},
    }  # fmt: skip
    schedule = {
        "interval": 60,
        "anchor_date": "2024-01-01T00:00Z",
    }
    asked = [{"schedule": schedule, "active": True, "parameters": parameters}]
    ask(service, f"deployments/{nightly['id']}/schedules", asked)
    run = _completed(service, nightly["id"])
    assert run["auto_scheduled"]
    assert run["state"]["type"] == "COMPLETED", run["state"]
    made = json.loads(_status(service))
    assert made["stages"]["embed"]["videos"]["done"] == 3


def test_starting_again_starts_nothing_and_only_this_machine_is_served(
    settings: Settings, service: Service
) -> None:
    assert start(settings, "127.0.0.1", 1) == service
    assert read(folder_of(settings)) == service
    import psutil

    for process in service.processes:
        for connection in psutil.Process(process.pid).net_connections("inet"):
            if connection.status == psutil.CONN_LISTEN:
                assert connection.laddr.ip == "127.0.0.1"


def test_stopping_ends_every_process(settings: Settings, service: Service) -> None:
    assert stop(service) == ["worker", "server"]
    assert not service.alive
    assert read(folder_of(settings)) is None


def test_a_port_that_is_taken_is_said_and_nothing_stays_behind(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UserError, match="server ended"):
            start(Settings(root=str(tmp_path)), "127.0.0.1", taken.getsockname()[1])
    assert read(folder_of(Settings(root=str(tmp_path)))) is None


def _completed(service: Service, deployment: str) -> dict:
    """The first run of the deployment that came to its end."""
    until = time.monotonic() + 270
    chosen = {"deployments": {"id": {"any_": [deployment]}}, "sort": "EXPECTED_START_TIME_ASC"}
    while time.monotonic() < until:
        for run in ask(service, "flow_runs/filter", chosen):
            if run["state"]["type"] in ("COMPLETED", "FAILED", "CRASHED"):
                return run
        time.sleep(2)
    raise AssertionError((service.folder / "worker.log").read_text()[-2000:])


def _status(service: Service) -> str:
    words = [sys.executable, "-m", "flows.cli.main", "status", "served", "--json"]
    environment = os.environ | {"REELFLOW_ROOT": str(service.folder.parent)}
    return subprocess.run(words, env=environment, capture_output=True, text=True).stdout


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
