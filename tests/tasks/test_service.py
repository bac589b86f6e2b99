"""The service as users have it: real processes, a real schedule, seen through the API."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import SyncPrefectClient
from prefect.events.schemas.automations import AutomationCore
from prefect.settings import PREFECT_API_URL, temporary_settings

from data.errors import UserError
from data.settings import Settings
from tasks.automations import WEBHOOK, apply
from tasks.server import connected
from tasks.service import Service, folder_of, read, start, stop

HANGS = """
import time, prefect
@prefect.flow(name="hangs")
def hangs():
    time.sleep(600)
hangs()
"""
BEAT = "prefect.flow-run.heartbeat"


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
    logged = _until(lambda: _lines(service, "shard 000000: 3 done"))
    assert logged and logged[0]["task_run_id"]
    made = json.loads(_status(service))
    assert made["stages"]["embed"]["videos"]["done"] == 3


@pytest.mark.timeout(400)
def test_a_run_whose_process_is_killed_is_marked_and_somebody_is_told(
    service: Service, told: tuple[str, list[dict]]
) -> None:
    url, heard = told
    with connected(service.api) as client, temporary_settings({PREFECT_API_URL: service.api}):
        Webhook(url=url).save(WEBHOOK)
        apply(service.api)
        _watch_only(client, "hangs", seconds=15)
    process = subprocess.Popen(
        [sys.executable, "-c", HANGS], env=os.environ | {"PREFECT_API_URL": service.api}
    )
    mine = {"flows": {"name": {"any_": ["hangs"]}}}
    try:
        [run] = _until(lambda: ask(service, "flow_runs/filter", mine))
        resource = {"id": [f"prefect.flow-run.{run['id']}"]}
        beats = {"filter": {"resource": resource, "event": {"name": [BEAT]}}}
        assert _until(lambda: ask(service, "events/filter", beats)["events"])
    finally:
        process.kill()
        process.wait()
    crashed = mine | {"flow_runs": {"state": {"type": {"any_": ["CRASHED"]}}}}
    [run] = _until(lambda: ask(service, "flow_runs/filter", crashed))
    assert run["state"]["message"].startswith("no heartbeat")
    [said] = _until(lambda: heard)
    assert said["text"].startswith("reelflow: vanished: ")
    assert run["name"] in said["text"]


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


@pytest.fixture
def told() -> Iterator[tuple[str, list[dict]]]:
    """An address that listens, and what was posted to it."""
    heard: list[dict] = []

    class Ear(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *words: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Ear) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", heard
        server.shutdown()


def _watch_only(client: SyncPrefectClient, flow: str, seconds: int) -> None:
    """Makes the server wait for the heartbeats of this flow alone, and so long only."""
    [made] = client.read_automations_by_name("reelflow: vanished")
    written = made.model_dump(mode="json", exclude={"id", "created", "updated", "owner_resource"})
    related = {"prefect.resource.role": "flow", "prefect.resource.name": flow}
    written["trigger"] |= {"within": seconds, "match_related": related}
    client.update_automation(made.id, AutomationCore(**written))


def _lines(service: Service, beginning: str) -> list[dict]:
    """What was logged and begins so."""
    logged = ask(service, "logs/filter", {"limit": 200, "sort": "TIMESTAMP_ASC"})
    return [line for line in logged if line["message"].startswith(beginning)]


def _until(answer: Callable[[], list]) -> list:
    """What is answered once there is something."""
    until = time.monotonic() + 120
    while not (found := answer()) and time.monotonic() < until:
        time.sleep(1)
    return found


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
