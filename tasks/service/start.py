"""Starts the service on one machine: Prefect's server, deployments, a worker, a Ray."""

import os
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from data.errors import UserError
from data.settings import Settings
from data.store.disk_errors import translate_disk_errors
from tasks.service.automations import apply_automations
from tasks.service.commands import PREFECT, build_environment, server_command, worker_commands
from tasks.service.processes import spawn_process
from tasks.service.proxies import spare_loopback
from tasks.service.ray_head import find_free_port, start_head
from tasks.service.schedules import refresh_schedules
from tasks.service.server import open_client
from tasks.service.service import (
    Service,
    ray_environment,
    read_service,
    service_folder,
    stop_service,
)
from tasks.service.shipped import find_shipped
from tasks.service.work_pool import prepare_server

HEALTHY_S = 180.0  # for the server to answer: a fresh database is migrated first


def start_service(
    settings: Settings, host: str, port: int, ray: bool = False, limit: int | None = None
) -> Service:
    """Starts the server, deploys every flow, and starts workers, unless all of it is running.

    With `ray` the runs share one Ray; `limit` is how many are at work at once. Raises a UserError
    if any of it fails; then nothing is left running.
    """
    folder = service_folder(settings)
    running = read_service(folder)
    if running and running.alive:
        return running
    if running:  # in part: what is left of it would keep the port
        stop_service(running)
    _check_port(host, port)
    with translate_disk_errors(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
    os.environ.update(spare_loopback(os.environ, host))
    address = f"127.0.0.1:{find_free_port()}" if ray else None
    service = Service(f"http://{host}:{port}", folder, (), address)
    environment = build_environment(settings, folder, service.api) | ray_environment(service)
    try:
        if address:
            service = service.add_process(start_head(address, folder, find_shipped(), environment))
        commands = {"server": server_command(host, port), **worker_commands(limit)}
        for name, words in commands.items():
            log = folder / f"{name}.log"
            service = service.add_process(
                spawn_process(name, words, log, find_shipped(), environment)
            )
            if name == "server":
                _wait_healthy(service)
                set_up_server(settings, service.api, environment)
        return service
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


def set_up_server(settings: Settings, api: str, environment: Mapping[str, str]) -> None:
    """Creates what a server needs for our flows, deploys them, and brings schedules up to date."""
    with open_client(api) as client:
        prepare_server(client, settings)
    _run_prefect(["--no-prompt", "deploy", "--all"], environment)
    apply_automations(api)
    refresh_schedules(api)


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
            time.sleep(0.5)  # its last lines are still on their way to the log
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
