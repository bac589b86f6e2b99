"""Starts the service on one machine: Prefect's server, deployments, a worker, a Ray."""

import os
import socket
import time
from functools import partial
from pathlib import Path

from data.errors import UserError
from data.settings import Settings
from data.store.disk_errors import translate_disk_errors
from tasks.service.commands import ServiceOptions, build_environment, service_commands
from tasks.service.fresh_database import prepare_database
from tasks.service.processes import spawn_process
from tasks.service.proxies import spare_loopback
from tasks.service.ray_head import find_free_port, start_head
from tasks.service.service import (
    Service,
    ray_environment,
    read_service,
    service_folder,
    stop_service,
)
from tasks.service.set_up import set_up_server, wait_healthy
from tasks.service.shipped import find_shipped


def start_service(
    settings: Settings, host: str, port: int, options: ServiceOptions = ServiceOptions()
) -> Service:
    """Starts the server, deploys every flow, and starts workers, unless all of it is running.

    Raises a UserError if any of it fails; then nothing is left running.
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
    address = f"127.0.0.1:{find_free_port()}" if options.ray else None
    service = Service(f"http://{host}:{port}", folder, (), address)
    environment = build_environment(settings, folder, service.api) | ray_environment(service)
    prepare_database(Path(environment["PREFECT_HOME"]))
    try:
        if address:
            service = service.add_process(start_head(address, folder, find_shipped(), environment))
        for name, words in service_commands(host, port, options).items():
            log = folder / f"{name}.log"
            service = service.add_process(
                spawn_process(name, words, log, find_shipped(), environment)
            )
            if name == "server":
                wait_healthy(service.api, partial(_check_server, service))
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


def _check_server(service: Service) -> None:
    if not service.processes[-1].alive:
        time.sleep(0.5)  # its last lines are still on their way to the log
        raise UserError(f"Prefect's server exited: {_last_line(service.folder / 'server.log')}")


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return f"{lines[-1].strip() if lines else 'no output'} (see {log})"
