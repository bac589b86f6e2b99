"""The first commands of the panel "Operate": a service on one machine, started and stopped."""

import ipaddress
import os
from typing import TYPE_CHECKING, Annotated

import typer

from data.settings import Settings
from flows.cli.app import open_panel
from flows.cli.console import out
from flows.cli.options import Root, opt

if TYPE_CHECKING:
    from tasks.service.commands import ServiceOptions
    from tasks.service.service import Service

command = open_panel("Operate")
PORT = "PREFECT_SERVER_API_PORT"


@command()
def up(
    port: Annotated[
        int, opt("--port", "Port of Prefect's UI and API.", min=1, max=65535, envvar=PORT)
    ] = 4200,
    host: Annotated[
        str, opt("--host", "Address to listen on; anyone who can reach it can use it.")
    ] = "127.0.0.1",
    ray: Annotated[bool, opt("--ray", "Share one Ray between runs, not one for each.")] = False,
    limit: Annotated[
        int | None, opt("--limit", "Runs at work at once; others are queued.", "no limit", min=1)
    ] = None,
    metrics: Annotated[
        bool, opt("--metrics", "Serve figures for Prometheus, on the port after the UI's.")
    ] = False,
    browse: Annotated[
        bool, opt("--browse", "Serve the page to look around too, 100 ports after the UI's.")
    ] = False,
    systemd: Annotated[
        bool, opt("--systemd", "Start nothing: write user units, which systemd keeps running.")
    ] = False,
    root: Root = None,
) -> None:  # fmt: skip
    """Start Prefect's server with all deployments and automations, and workers."""
    _share_password()  # before Prefect is imported, and reads its settings
    from tasks.service.commands import ServiceOptions
    from tasks.service.start import start_service

    options = ServiceOptions(
        ray, limit, port + 1 if metrics else None, port + 100 if browse else None
    )
    if systemd:
        return _write_units(host, port, options)
    with out(err=True).status("starting Prefect's server and workers; a minute the first time"):
        service = start_service(Settings(), host, port, options)
    if ray and service.ray is None:
        out(err=True).print("already running without a shared Ray: run `reelflow down` first")
    _print_service(service)
    if not _is_local(host):
        out(err=True).print(f"warning: {host} is reachable by others, without a login")


def _share_password() -> None:
    """Lets this command, the workers and their runs log in at a server that asks for a password."""
    if password := os.environ.get("PREFECT_SERVER_API_AUTH_STRING"):
        os.environ.setdefault("PREFECT_API_AUTH_STRING", password)


def _print_service(service: "Service") -> None:
    from tasks.service.service import ray_environment

    out().print(f"UI: {service.url}")
    out().print(f"logs: {service.folder}")
    if any(process.name == "metrics" for process in service.processes):
        port = int(service.url.rpartition(":")[2]) + 1
        out().print(f"metrics: http://127.0.0.1:{port}/metrics")
    if any(process.name == "browse" for process in service.processes):
        port = int(service.url.rpartition(":")[2]) + 100
        out().print(f"look around: http://127.0.0.1:{port}")
    out().print(f"to use it from this shell: export PREFECT_API_URL={service.api}")
    for name, value in ray_environment(service).items():
        out().print(f"                           export {name}={value}")
    out().print("to update a corpus every night: reelflow schedule NAME")


def _write_units(host: str, port: int, options: "ServiceOptions") -> None:
    from tasks.service.commands import build_environment, service_commands
    from tasks.service.service import service_folder
    from tasks.service.systemd import TARGET, unit_folder, write_units

    if options.ray:
        raise typer.BadParameter("--ray and --systemd do not go together: give one of them")
    settings, api = Settings(), f"http://{host}:{port}/api"
    folder = service_folder(settings)
    environment, commands = (
        build_environment(settings, folder, api), service_commands(host, port, options)
    )  # fmt: skip
    written = write_units(unit_folder(), folder / "environment", environment, commands)
    out().print(f"wrote {len(written)} units to {unit_folder()}")
    out().print("to start them, now and with the machine:")
    out().print("  systemctl --user daemon-reload")
    out().print(f"  systemctl --user enable --now {TARGET}")
    out().print("  loginctl enable-linger")
    out().print(f"to use it from this shell: export PREFECT_API_URL={api}")


@command()
def down(root: Root = None) -> None:
    """Stop what `reelflow up` started; interrupted runs resume when they are run again."""
    from tasks.service.service import read_service, service_folder, stop_service

    service = read_service(service_folder(Settings()))
    with out(err=True).status("stopping, after the current runs have ended"):
        stopped = stop_service(service) if service else []
    out().print(f"stopped {' and '.join(stopped)}" if stopped else "nothing was running")


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
