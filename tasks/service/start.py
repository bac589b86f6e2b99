"""Starts the service on one machine: Prefect's server, deployments, a worker, a Ray."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from data.errors import UserError
from data.settings import Settings
from tasks.service.processes import Process, spawn_process
from tasks.service.ray_head import find_free_port, start_head
from tasks.service.server import open_client
from tasks.service.service import (
    Service,
    ray_environment,
    read_service,
    service_folder,
    stop_service,
)
from tasks.service.shipped import find_shipped
from tasks.service.work_pool import POOL, prepare_server

HEALTHY_S = 180.0  # for the server to answer: a fresh database is migrated first
PREFECT = [sys.executable, "-m", "prefect"]
QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "RAY_USAGE_STATS_ENABLED": "0",
}
LEASES = "PREFECT_SERVER_CONCURRENCY"
LIMITS = {
    # In memory, the default, leases are lost with the server, and their slots never freed.
    f"{LEASES}_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    # A run that waits for GPUs asks again before the next window can start and ask.
    f"{LEASES}_MAXIMUM_CONCURRENCY_SLOT_WAIT_SECONDS": "5",
}


def start_service(settings: Settings, host: str, port: int, ray: bool = False) -> Service:
    """Starts the server, deploys every flow, and starts a worker, unless all of it is running.

    With `ray` the worker's runs share one Ray. Raises a UserError if any of it fails; then nothing
    is left running.
    """
    folder = service_folder(settings)
    running = read_service(folder)
    if running and running.alive:
        return running
    if running:  # in part: what is left of it would keep the port
        stop_service(running)
    _check_port(host, port)
    folder.mkdir(parents=True, exist_ok=True)
    address = f"127.0.0.1:{find_free_port()}" if ray else None
    service = Service(f"http://{host}:{port}", folder, (), address)
    environment = _build_environment(settings, service)
    try:
        if address:
            service = service.add_process(start_head(address, folder, find_shipped(), environment))
        server = ["server", "start", "--host", host, "--port", str(port)]
        service = service.add_process(_spawn_prefect("server", server, folder, environment))
        _wait_healthy(service)
        with open_client(service.api) as client:
            prepare_server(client, settings)
        _run_prefect(["--no-prompt", "deploy", "--all"], environment)
        worker = ["worker", "start", "--pool", POOL, "--name", "reelflow"]
        return service.add_process(_spawn_prefect("worker", worker, folder, environment))
    except BaseException:  # also on an interrupt: the user sees no process that could be stopped
        stop_service(read_service(folder) or service)
        raise


def _check_port(host: str, port: int) -> None:
    """Raises a UserError if the port is taken, which the server itself would only find out late."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        raise UserError(
            f"Prefect's server cannot listen on port {port} of {host} ({error.strerror}): stop what"
            " uses it, or choose another port with --port"
        ) from error


def _build_environment(settings: Settings, service: Service) -> dict[str, str]:
    """Returns the environment with our API, without telemetry, and with an absolute store path."""
    local = "://" not in settings.root
    ours = {
        "PREFECT_HOME": os.environ.get("PREFECT_HOME", str(service.folder / "prefect")),
        "PREFECT_API_URL": service.api,
        "PREFECT_LOGGING_LEVEL": "INFO",  # commands are quieter, but runs are for the UI
        "REELFLOW_ROOT": str(Path(settings.root).resolve()) if local else settings.root,
    }
    return {**LIMITS, **os.environ, **QUIET, **ours, **ray_environment(service)}


def _spawn_prefect(
    name: str, words: list[str], folder: Path, environment: Mapping[str, str]
) -> Process:
    return spawn_process(
        name, [*PREFECT, *words], folder / f"{name}.log", find_shipped(), environment
    )


def _run_prefect(words: list[str], environment: Mapping[str, str]) -> None:
    result = subprocess.run(
        [*PREFECT, *words], env=environment, cwd=find_shipped(),
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )  # fmt: skip
    if result.returncode:
        lines = (result.stderr or result.stdout).strip().splitlines()[-1:] or ["no output"]
        raise UserError(f"`prefect {' '.join(words)}` failed: {lines[0]}")


def _wait_healthy(service: Service) -> None:
    until, server, log = time.monotonic() + HEALTHY_S, service.processes[-1], service.folder
    while time.monotonic() < until:
        if not server.alive:
            raise UserError(f"Prefect's server exited: {_last_line(log / 'server.log')}")
        try:
            with urlopen(f"{service.api}/health", timeout=5):  # noqa: S310 (our own http://)
                return
        except (URLError, OSError):
            time.sleep(0.5)
    raise UserError(
        f"Prefect's server does not respond after {HEALTHY_S:.0f} s: see {log / 'server.log'}"
    )


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return f"{lines[-1].strip() if lines else 'no output'} (see {log})"
