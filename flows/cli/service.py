"""The commands that run reelflow on one machine, and look after its store."""

import ipaddress
from typing import Annotated

import typer

from data.settings import Settings
from flows.cli.console import out
from flows.cli.main import app
from flows.cli.options import Root

Port = Annotated[
    int,
    typer.Option("--port", min=1, max=65535, envvar="PREFECT_SERVER_API_PORT",
                 help="Of Prefect's UI and API."),
]  # fmt: skip


@app.command()
def up(
    port: Port = 4200,
    host: Annotated[
        str, typer.Option("--host", help="Where the UI listens; anybody who reaches it can use it.")
    ] = "127.0.0.1",
    ray: Annotated[
        bool, typer.Option("--ray", help="One Ray for all runs, instead of one for each.")
    ] = False,
    root: Root = None,
) -> None:  # fmt: skip
    """Start Prefect's server, every deployment and automation, and a worker, in the background."""
    from tasks.service.automations import apply
    from tasks.service.service import joining
    from tasks.service.start import start

    with out(err=True).status("starting Prefect's server and a worker; a minute the first time"):
        service = start(Settings(), host, port, ray)
        apply(service.api)
    if ray and service.ray is None:
        out(err=True).print("it runs, and each run with a Ray of its own: `reelflow down` first")
    out().print(f"the UI: {service.url}")
    out().print(f"the logs: {service.folder}")
    out().print(f"to use it from here: export PREFECT_API_URL={service.api}")
    for name, value in joining(service).items():
        out().print(f"                     export {name}={value}")
    out().print("to bring a corpus up to date every night: reelflow schedule NAME")
    if not _is_local(host):
        out(err=True).print(f"{host} is reachable by others, and Prefect asks nobody who they are")


@app.command()
def down(root: Root = None) -> None:
    """Stop what `reelflow up` started; runs under way end and are resumed by their next run."""
    from tasks.service.service import folder_of, read, stop

    service = read(folder_of(Settings()))
    with out(err=True).status("stopping; runs under way end first"):
        ended = stop(service) if service else []
    out().print(f"stopped {' and '.join(ended)}" if ended else "nothing was running")


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
