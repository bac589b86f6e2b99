"""The command that shows what is going on, as it goes on."""

import json
import time
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.console import Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from data.settings import Settings
from flows.cli.console import out
from flows.cli.main import app
from flows.cli.options import AsJson, Root
from tasks.progress import clock

if TYPE_CHECKING:
    from tasks.service.load import Load
    from tasks.service.top import Now, Run

EVERY_S = 5.0
GIB = 2**30
SAID = 160  # letters of what a run said: a traceback's worth is on its page
COLOURS = {"Completed": "green", "Running": "cyan", "Failed": "red", "Crashed": "red",
           "Late": "yellow"}  # fmt: skip


@app.command()
def top(
    once: Annotated[bool, typer.Option("--once", help="Print it once; so too in a pipe.")] = False,
    as_json: AsJson = False,
    root: Root = None,
) -> None:
    """What runs, what waits, what came of the last runs, and how busy this machine is."""
    from tasks.service.load import load
    from tasks.service.server import address, connected
    from tasks.service.top import look

    console = out()
    with connected(address(Settings())) as client:
        if as_json:
            said = {"server": asdict(look(client)), "machine": asdict(load())}
            typer.echo(json.dumps(said, default=datetime.isoformat))
        elif once or not console.is_terminal:
            console.print(_page(look(client), load()))
        else:
            with Live(console=console, screen=True, auto_refresh=False) as screen:
                while True:
                    screen.update(_page(look(client), load()), refresh=True)
                    time.sleep(EVERY_S)


def _page(now: "Now", load: "Load") -> Group:
    """Everything, without the tables that would be empty."""
    tables = [
        _runs("under way", "for", now.running, now.asked),
        _runs(f"waiting ({now.due:,})", "due for", now.waiting, now.asked),
        _runs("next", "in", now.coming, now.asked),
        _runs("finished", "ago", now.finished, now.asked),
        _failures(now.failures),
    ]
    return Group(_server(now), _machine(load), *(each for each in tables if each.row_count))


def _server(now: "Now") -> Text:
    at = now.asked.astimezone().strftime("%H:%M:%S")
    pools = [
        f"pool {pool.name}: {pool.state}, {len(pool.workers)} of its workers heard of"
        + (f", at most {pool.limit} runs" if pool.limit is not None else "")
        for pool in now.pools
    ]
    return Text(" · ".join([at, now.url, *(pools or ["no work pool"])]))


def _machine(load: "Load") -> Text:
    parts = [f"CPU {load.cpu:.0f}%", f"memory {_gib(load.memory_used, load.memory)}"]
    for n, gpu in enumerate(load.gpus):
        parts.append(f"GPU {n} {gpu.busy:.0f}%, {_gib(gpu.memory_used, gpu.memory)}")
    if workers := load.ray_busy + load.ray_idle:
        parts.append(f"Ray workers {workers}, {load.ray_busy} busy")
    return Text(" · ".join(parts))


def _runs(title: str, since: str, runs: tuple["Run", ...], asked: datetime) -> Table:
    table = _table(title)
    for column in ("run", "state", since, "took", "what it said"):
        table.add_column(column, no_wrap=column != "what it said")
    for run in runs:
        state = Text(run.state, style=COLOURS.get(run.state, ""))
        apart = abs((asked - run.since).total_seconds()) if run.since else 0.0
        took = clock(run.seconds) if run.seconds else ""
        table.add_row(escape(_named(run)), state, clock(apart), took, escape(run.said[:SAID]))
    return table


def _named(run: "Run") -> str:
    """With its corpus, where the name is one that Prefect made up for a run to come."""
    return f"{run.name} ({run.corpus})" if run.corpus and run.corpus not in run.name else run.name


def _failures(failures: dict[str, dict[str, int]]) -> Table:
    table = _table("failed when last embedded")
    for column in ("corpus", "videos by reason"):
        table.add_column(column)
    for corpus, reasons in failures.items():
        said = ", ".join(f"{reason} {videos:,}" for reason, videos in reasons.items())
        table.add_row(escape(corpus), said)
    return table


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=SIMPLE, pad_edge=False)


def _gib(used: float, total: float) -> str:
    return f"{used / GIB:.1f} of {total / GIB:.0f} GiB"
