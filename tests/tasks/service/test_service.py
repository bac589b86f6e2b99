"""The service as users have it: real processes, seen through the API."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from difflib import unified_diff
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TypeVar
from urllib.error import HTTPError

import pytest
from prefect import flow
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import SyncPrefectClient
from prefect.events.schemas.automations import AutomationCore
from support.buckets import SECRET
from support.commands import DECODER
from support.deployed import FILE, as_text, deployed
from support.running import asked, asking

from data.errors import UserError
from data.settings import Settings
from tasks.service.automations import WEBHOOK, apply_automations
from tasks.service.runner import open_runner
from tasks.service.server import open_client
from tasks.service.service import Service, read_service, service_folder, stop_service
from tasks.service.start import start_service
from tasks.service.work_pool import POOL

pytestmark = [pytest.mark.service, pytest.mark.ray]
T = TypeVar("T")
HANGS = """
import time, prefect
@prefect.flow(name="hangs")
def hangs():
    time.sleep(600)
hangs()
"""
PATIENCE_S = 45.0  # seconds on a machine at rest; Prefect alone would kill after twice 30
LATE = {"type": "SCHEDULED", "name": "Late"}  # as the server itself calls a run after 15 s
BEAT = "prefect.flow-run.heartbeat"
HOLDS = """
import pathlib, sys, time, prefect
from data.settings import Settings
from tasks.service import gpu_limit
from tasks.service.work_pool import POOL
from tasks.service.runner import open_runner
gpu_limit.LEASE_S = 60.0  # the least that Prefect has
@prefect.flow(name="holds")
def holds(name):
    with open_runner(Settings(), 1):
        pathlib.Path(f"{name}.begun").touch()
        while not pathlib.Path(f"{name}.over").exists():
            time.sleep(0.1)
holds(sys.argv[1])
"""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(root=str(tmp_path_factory.mktemp("served") / "store"), gpus=1)


@pytest.fixture(scope="module")
def service(settings: Settings) -> Iterator[Service]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_HOME", str(service_folder(settings) / "prefect"))
        patch.setenv("PREFECT_WORKER_QUERY_SECONDS", "2")
        patch.setenv("PREFECT_SERVER_SERVICES_REPOSSESSOR_LOOP_SECONDS", "2")
        patch.setenv("REELFLOW_RUNNER", "in_process")
        patch.setenv("REELFLOW_GPUS", str(settings.gpus))
        patch.setenv("REELFLOW_ROOT", settings.root)
        said = _reelflow("up", "--ray", "--port", str(_free_port()))
        service = read_service(service_folder(settings))
        assert service is not None, said
        assert f"export PREFECT_API_URL={service.api}" in said
        assert f"export REELFLOW_RAY_ADDRESS={service.ray}" in said
        yield service
        stop_service(service)


def ask(service: Service, path: str, body: dict | None = None) -> dict | list:
    return asked(f"{service.api}/{path}", body)


@pytest.fixture(scope="module")
def second(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What a run leaves that waits for the only GPU, which a run has that was killed since."""
    room = tmp_path_factory.mktemp("gpus")
    with _holding(service, room / "first") as first:
        assert _until(lambda: [*room.glob("first.begun")])
        with _holding(service, room / "second"):
            assert _until(lambda: _lines(service, "waiting for GPUs"))
            first.kill()
            yield room / "second"


@pytest.mark.timeout(900)
def test_a_run_waits_for_the_gpu_of_another(service: Service, second: Path) -> None:
    assert _gpus(service) == 1
    assert not second.with_suffix(".begun").exists()


@pytest.mark.timeout(900)
def test_a_run_works_on_the_ray_that_all_share(service: Service) -> None:
    """The fixture has runs work in their own processes: Ray's take seconds to come up."""
    assert not _below(service, "ray", "ray::EngineActor")
    deployment = ask(service, "deployments/name/ingest/ingest")["id"]
    body = {
        "parameters": {"source": "fake://4", "corpus": "shared"}, "state": {"type": "SCHEDULED"},
        "job_variables": {"env": {"REELFLOW_RUNNER": "ray"}},
    }  # fmt: skip
    run = ask(service, f"deployments/{deployment}/create_flow_run", body)["id"]
    over = ("COMPLETED", "FAILED", "CRASHED")
    workers = _until(
        lambda: _below(service, "ray", "ray::EngineActor") or _state(service, run) in over
    )
    assert isinstance(workers, list), "it ended without a worker of that Ray's"
    assert _until(lambda: _state(service, run) in over)
    assert _state(service, run) == "COMPLETED"


def test_what_is_deployed_is_what_is_written_down(service: Service) -> None:
    """Where it is to change: `python tests/support/deployed.py API`, and look at the difference."""
    found = as_text(deployed(service.api)).splitlines()
    changes = "\n".join(unified_diff(FILE.read_text().splitlines(), found, lineterm="", n=8))
    assert changes == "", changes


@pytest.mark.parametrize(
    ("name", "wrong", "said"),
    [
        ("embed/embed", {"spec": {"precision": "fp8"}}, "'fp8' is not one of"),
        ("embed/embed", {"spec": {"every_nth": 0}}, "0 is less than the minimum of 1"),
        ("embed/embed", {"spec": {"colour": "red"}}, "'colour' was unexpected"),
        ("generate/generate", {"prompts": "a", "spec": {"rag": {"init": 2}}}, "the maximum of 1"),
    ],
)  # fmt: skip
def test_the_server_refuses_a_value_that_the_form_does_not_have(
    service: Service, name: str, wrong: dict, said: str
) -> None:
    deployment = ask(service, f"deployments/name/{name}")["id"]
    body = {"parameters": {"corpus": "c"} | wrong}
    with pytest.raises(HTTPError) as refused:
        ask(service, f"deployments/{deployment}/create_flow_run", body)
    assert refused.value.code == 409
    assert said in refused.value.read().decode()


def test_windows_come_after_whatever_else_is_to_run(service: Service) -> None:
    """Seen as by a worker that has room for one run, in years to come."""
    asked = {"shards": ["000000"], "spec": {"engine": "fake"}}
    window = _scheduled(service, "embed-window/embed-window", "2100-01-01", **asked)
    nightly = _scheduled(service, "pipeline/nightly", "2100-01-02")
    later = {"scheduled_after": "2099-01-01T00:00Z", "scheduled_before": "2101-01-01T00:00Z"}
    taken = []
    for _ in range(2):
        [next_one] = ask(
            service, f"work_pools/{POOL}/get_scheduled_flow_runs", later | {"limit": 1}
        )
        taken.append(next_one["flow_run"]["id"])
        ask(service, f"flow_runs/{taken[-1]}/set_state", {"state": {"type": "CANCELLED"}})
    assert taken == [nightly, window]


@pytest.mark.timeout(900)
def test_a_run_whose_process_is_killed_is_marked_and_somebody_is_told_as_of_a_late_one(
    service: Service, told: tuple[str, list[dict]]
) -> None:
    url, heard = told
    with open_client(service.api) as client, asking(service.api):
        Webhook(url=url).save(WEBHOOK, overwrite=True)
        apply_automations(service.api)
        _watch_only(client, "vanished", "hangs", seconds=15)
        _watch_only(client, "late", "tarries", seconds=10)
        late = client.create_flow_run(flow(_nothing, name="tarries"))  # which no worker takes
    mine = {"flows": {"name": {"any_": ["hangs"]}}}
    before = {each["id"] for each in ask(service, "flow_runs/filter", mine)}  # of a first try
    process = subprocess.Popen(
        [sys.executable, "-c", HANGS], env=os.environ | {"PREFECT_API_URL": service.api}
    )
    try:
        [run] = _until(
            lambda: [r for r in ask(service, "flow_runs/filter", mine) if r["id"] not in before]
        )
        resource = {"id": [f"prefect.flow-run.{run['id']}"]}
        beats = {"filter": {"resource": resource, "event": {"name": [BEAT]}}}
        assert _until(lambda: ask(service, "events/filter", beats)["events"])
        body = {"state": LATE, "force": True}
        assert ask(service, f"flow_runs/{late.id}/set_state", body)["status"] == "ACCEPT"
    finally:
        process.kill()
        process.wait()
    crashed = {"flow_runs": {"id": {"any_": [run["id"]]}, "state": {"type": {"any_": ["CRASHED"]}}}}
    [run] = _until(lambda: ask(service, "flow_runs/filter", crashed))
    assert run["state"]["message"].startswith("no heartbeat")
    wanted = {"late", "vanished"}
    assert _until(lambda: wanted <= {each["text"].split(": ")[1] for each in heard}, 400)
    said = dict(each["text"].removeprefix("reelflow: ").split(": ", 1) for each in heard)
    assert said.keys() == {"late", "vanished"}
    assert late.name in said["late"] and run["name"] in said["vanished"]
    of_it = {"filter": {"event": {"name": ["prefect.automation.action.failed"]}}}
    assert _until(lambda: ask(service, "events/filter", of_it)["events"])
    held = {str(file): file.read_bytes() for file in service.folder.rglob("*") if file.is_file()}
    assert any(name.endswith("prefect.db") for name in held)
    assert [name for name, content in held.items() if SECRET.encode() in content] == []


@pytest.mark.timeout(900)
def test_the_gpu_of_a_killed_run_and_of_one_that_ended_is_another_s(
    service: Service, second: Path
) -> None:
    assert _until(lambda: [*second.parent.glob("second.begun")])
    with _holding(service, second.with_name("third")) as third:
        third_waits = "waiting for GPUs"
        assert _until(lambda: _lines(service, third_waits)[1:])
        assert not second.with_name("third.begun").exists()
        second.with_suffix(".over").touch()
        assert _until(lambda: [*second.parent.glob("third.begun")])
        second.with_name("third.over").touch()
        assert third.wait(240) == 0
    assert _gpus(service) == 0


def test_a_run_that_there_will_never_be_enough_gpus_for_says_so(service: Service) -> None:
    @flow(name="greedy")
    def greedy() -> None:
        with open_runner(Settings(gpus=2, runner="in_process"), 2):
            raise AssertionError("it got them")

    with asking(service.api):
        with pytest.raises(UserError, match="reelflow-gpus"):
            greedy()


@pytest.mark.timeout(900)
def test_a_backfill_waits_to_be_resumed_and_then_its_window_is_a_run_of_the_worker(
    service: Service,
) -> None:
    _command(service, "ingest", "fake://4", "--corpus", "asked")
    about = {"spec": {"engine": "fake"}, "child_runs": True, "max_parallel": 2}
    run = _begun(service, "backfill/backfill", corpus="asked", **about)
    assert _until(lambda: _state(service, run) == "PAUSED", 400)
    mine = {"flow_runs": {"id": {"any_": [run]}}}
    [plan] = ask(service, "artifacts/filter", mine)
    assert "| windows to do | 1 |" in plan["data"]
    tagged = {"flow_runs": {"tags": {"all_": [f"backfill:{run}"]}}}
    assert ask(service, "flow_runs/filter", tagged) == []
    ask(service, f"flow_runs/{run}/resume", {})
    assert _until(lambda: _state(service, run) == "COMPLETED", 400)
    [window] = ask(service, "flow_runs/filter", tagged)
    assert window["state_type"] == "COMPLETED"
    assert window["idempotency_key"].endswith(f":{run}:1:1")
    shown = {each["key"]: each["data"] for each in ask(service, "artifacts/filter", mine)}
    assert shown["backfill-progress-asked"] == 100
    assert "| coverage after | 100.0% of 4 |" in shown["backfill-asked"]


@pytest.mark.timeout(900)
def test_cancelling_a_backfill_ends_its_windows_and_their_workers_within_seconds(
    service: Service,
) -> None:
    _command(service, "ingest", "fake://2?seconds=900", "--corpus", "slow")
    asked = {"spec": {"engine": "fake"}, "approved": True, "child_runs": True, "corpus": "slow"}
    run = _begun(service, "backfill/backfill", **asked)
    decoders = _until(lambda: _below(service, "worker", DECODER), seconds=400)
    assert decoders, (service.folder / "worker.log").read_text()[-2000:]
    cancel, begun = {"state": {"type": "CANCELLING"}}, time.monotonic()
    ask(service, f"flow_runs/{run}/set_state", cancel)
    assert _until(lambda: not _below(service, "worker", DECODER))
    assert time.monotonic() - begun < PATIENCE_S
    tagged = {"flow_runs": {"tags": {"all_": [f"backfill:{run}"]}}}
    [window] = ask(service, "flow_runs/filter", tagged)
    for each in (run, window["id"]):
        assert _until(lambda each=each: _state(service, each) == "CANCELLED")
    assert _until(lambda: not _below(service, "worker"))


def test_starting_again_starts_nothing_and_only_this_machine_is_served(
    settings: Settings, service: Service
) -> None:
    assert start_service(settings, "127.0.0.1", 1) == service
    assert read_service(service_folder(settings)) == service
    import psutil

    for process in service.processes:
        for connection in psutil.Process(process.pid).net_connections("inet"):
            if connection.status == psutil.CONN_LISTEN:
                assert connection.laddr.ip == "127.0.0.1"


def test_stopping_ends_every_process(settings: Settings, service: Service) -> None:
    assert stop_service(service) == ["worker", "backfill-worker", "server", "ray"]
    assert not service.alive
    assert "SIGKILL" not in (service.folder / "worker.log").read_text(), "it took its patience"
    assert read_service(service_folder(settings)) is None


def test_a_port_that_is_taken_is_said_and_nothing_stays_behind(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"port {port}"):
            start_service(Settings(root=str(tmp_path)), "127.0.0.1", port)
    assert read_service(service_folder(Settings(root=str(tmp_path)))) is None


def test_a_server_that_does_not_come_up_is_said_and_nothing_stays_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_SERVER_DATABASE_TIMEOUT", "never")
    with pytest.raises(UserError, match=r"server\.log"):
        start_service(Settings(root=str(tmp_path)), "127.0.0.1", _free_port())
    assert read_service(service_folder(Settings(root=str(tmp_path)))) is None


@pytest.fixture
def told() -> Iterator[tuple[str, list[dict]]]:
    """A secret address that listens, and what was posted to it."""
    heard: list[dict] = []

    class Ear(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.connection.shutdown(socket.SHUT_RDWR)  # a fault, which the server tells

        def log_message(self, *words: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Ear) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/{SECRET}", heard
        server.shutdown()


@contextmanager
def _holding(service: Service, name: Path) -> Iterator[subprocess.Popen]:
    """A run that has a GPU, or waits for one; it touches `name`.begun, and ends at `name`.over."""
    environment = os.environ | {
        "PREFECT_API_URL": service.api, "PREFECT_LOGGING_EXTRA_LOGGERS": "tasks",
        "PREFECT_LOGGING_ROOT_LEVEL": "INFO", "PREFECT_LOGGING_LEVEL": "INFO",
        "REELFLOW_GPUS": "1", "REELFLOW_RUNNER": "in_process",
    }  # fmt: skip
    process = subprocess.Popen([sys.executable, "-c", HOLDS, str(name)], env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _gpus(service: Service) -> int:
    """How many of the limit are held."""
    return ask(service, "v2/concurrency_limits/reelflow-gpus")["active_slots"]


def _scheduled(service: Service, name: str, day: str, **parameters: object) -> str:
    """The id of a run of a deployment that is to begin on that day."""
    return _begun(service, name, f"{day}T00:00Z", **{"corpus": "later"} | parameters)


def _begun(service: Service, name: str, time: str | None = None, **parameters: object) -> str:
    """The id of a run of a deployment that is to begin at that time, or now."""
    deployment = ask(service, f"deployments/name/{name}")["id"]
    when = {"type": "SCHEDULED", "state_details": {"scheduled_time": time}}
    body = {"state": when, "parameters": parameters}
    return ask(service, f"deployments/{deployment}/create_flow_run", body)["id"]


def _nothing() -> None:
    """What a flow does of which only its name counts."""


def _watch_only(client: SyncPrefectClient, name: str, flow: str, seconds: int) -> None:
    """Makes an automation be about this flow alone, and wait so long only."""
    [made] = client.read_automations_by_name(f"reelflow: {name}")
    written = made.model_dump(mode="json", exclude={"id", "created", "updated", "owner_resource"})
    related = {"prefect.resource.role": "flow", "prefect.resource.name": flow}
    written["trigger"] |= {"within": seconds, "match_related": related}
    client.update_automation(made.id, AutomationCore(**written))


def _lines(service: Service, beginning: str) -> list[dict]:
    """What was logged and begins so."""
    logged = ask(service, "logs/filter", {"limit": 200, "sort": "TIMESTAMP_ASC"})
    return [line for line in logged if line["message"].startswith(beginning)]


def _until(answer: Callable[[], T], seconds: float = 400) -> T:
    """What is asked once there is something."""
    until = time.monotonic() + seconds
    while not (found := answer()) and time.monotonic() < until:
        time.sleep(1)
    return found


def _state(service: Service, run: str) -> str:
    return ask(service, f"flow_runs/{run}")["state_type"]


def _command(service: Service, *words: str) -> str:
    """What a command on the service's store prints."""
    return _reelflow(*words, REELFLOW_ROOT=str(service.folder.parent))


def _reelflow(*words: str, **environment: str) -> str:
    command = [sys.executable, "-m", "flows.cli.main", *words]
    ran = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True)
    return ran.stdout or ran.stderr


def _below(service: Service, name: str, having: str = "") -> list[int]:
    """The live processes below one of the service's, whose command line has this text."""
    import psutil

    [top] = [process.pid for process in service.processes if process.name == name]
    found = []
    for child in psutil.Process(top).children(recursive=True):
        with suppress(psutil.Error):  # it has ended meanwhile
            if child.status() != psutil.STATUS_ZOMBIE and having in " ".join(child.cmdline()):
                found.append(child.pid)
    return found


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
