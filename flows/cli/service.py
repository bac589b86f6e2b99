"""The commands that run reelflow on one machine, and look after its store."""

import ipaddress
import json
from typing import Annotated

import typer

from data.settings import Settings
from flows.cli.console import live, out, print_summary
from flows.cli.main import app
from flows.cli.options import AsJson, Corpus, Root, Runner

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
    root: Root = None,
) -> None:  # fmt: skip
    """Start Prefect's server, every deployment and automation, and a worker, in the background."""
    from tasks.automations import apply
    from tasks.service import start

    service = start(Settings(), host, port)
    apply(service.api)
    out().print(f"the UI: {service.url}")
    out().print(f"the logs: {service.folder}")
    out().print(f"to use it from here: export PREFECT_API_URL={service.api}")
    out().print("to bring a corpus up to date every night: reelflow schedule NAME")
    if not _is_local(host):
        out(err=True).print(f"{host} is reachable by others, and Prefect asks nobody who they are")


@app.command()
def down(root: Root = None) -> None:
    """Stop what `reelflow up` started; runs under way end and are resumed by their next run."""
    from tasks.service import folder_of, read, stop

    service = read(folder_of(Settings()))
    ended = stop(service) if service else []
    out().print(f"stopped {' and '.join(ended)}" if ended else "nothing was running")


@app.command()
def maintain(
    corpus: Corpus,
    sample: Annotated[int, typer.Option("--sample", min=0, help="Videos to read again.")] = 100,
    remove: Annotated[
        bool, typer.Option("--remove", help="Remove what is left over; else it is listed.")
    ] = False,
    keep: Annotated[int, typer.Option("--keep", min=1, help="Versions of each index.")] = 2,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="The catalogue, anew.")] = False,
    canary: Annotated[bool, typer.Option(help="Embed the canary anew.")] = True,
    as_json: AsJson = False, runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Check a sample of the videos, leftovers, and whether this machine embeds as before."""
    from flows.maintain import maintain as flow

    with live():
        made = flow(corpus, sample, remove, keep, rebuild, canary)
    typer.echo(json.dumps(made)) if as_json else print_summary(made)


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
