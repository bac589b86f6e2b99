"""What `reelflow top` shows: runs, work pools, failures and the load of this machine."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from rich.box import SIMPLE
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from flows.cli.console import escape
from tasks.progress import format_clock

if TYPE_CHECKING:
    from tasks.service.load import Load
    from tasks.service.top import Activity, Run

EVERY_S = 5.0
GIB = 2**30
MAX_MESSAGE = 160  # characters of a run's message; its page has the whole traceback
COLOURS = {"Completed": "green", "Running": "cyan", "Failed": "red", "Crashed": "red",
           "Late": "yellow", "Completed with failures": "yellow"}  # fmt: skip


def build_page(activity: "Activity", load: "Load") -> Group:
    """The whole page, without tables that would be empty."""
    tables = [
        _build_runs("running", "for", activity.running, activity.asked),
        _build_runs(f"waiting ({activity.due:,})", "due for", activity.waiting, activity.asked),
        _build_runs("next", "in", activity.coming, activity.asked),
        _build_runs("finished", "ago", activity.finished, activity.asked),
        _build_failures(activity.failures),
    ]
    full = (each for each in tables if each.row_count)
    return Group(_format_server(activity), _format_machine(load), *full)


def show_live(console: Console, build: Callable[[], Group]) -> None:
    """Redraws the page until the user interrupts it."""
    with Live(console=console, screen=True, auto_refresh=False) as screen:
        while True:
            screen.update(build(), refresh=True)
            time.sleep(EVERY_S)


def _format_server(activity: "Activity") -> Text:
    at = activity.asked.astimezone().strftime("%H:%M:%S")
    pools = [
        f"pool {pool.name}: {pool.state}, {len(pool.workers)} workers online"
        + (f", at most {pool.limit} runs" if pool.limit is not None else "")
        for pool in activity.pools
    ]
    return Text(" · ".join([at, activity.url, *(pools or ["no work pool"])]))


def _format_machine(load: "Load") -> Text:
    parts = [f"CPU {load.cpu:.0f}%", f"memory {_format_gib(load.memory_used, load.memory)}"]
    for n, gpu in enumerate(load.gpus):
        parts.append(f"GPU {n} {gpu.busy:.0f}%, {_format_gib(gpu.memory_used, gpu.memory)}")
    if workers := load.ray_busy + load.ray_idle:
        parts.append(f"Ray workers {workers}, {load.ray_busy} busy")
    return Text(" · ".join(parts))


def _build_runs(title: str, since: str, runs: tuple["Run", ...], now: datetime) -> Table:
    table = _start_table(title)
    for column in ("run", "state", since, "took", "message"):
        table.add_column(column, no_wrap=column != "message")
    for run in runs:
        state = Text(run.state, style=COLOURS.get(run.state, ""))
        seconds = abs((now - run.since).total_seconds()) if run.since else 0.0
        took = format_clock(run.seconds) if run.seconds else ""
        name, message = escape(_format_name(run)), escape(run.said[:MAX_MESSAGE])
        table.add_row(name, state, format_clock(seconds), took, message)
    return table


def _format_name(run: "Run") -> str:
    """The run's name, with its corpus where Prefect made the name up."""
    return f"{run.name} ({run.corpus})" if run.corpus and run.corpus not in run.name else run.name


def _build_failures(failures: dict[str, dict[str, int]]) -> Table:
    table = _start_table("failures of the last embedding")
    for column in ("corpus", "videos by reason"):
        table.add_column(column)
    for corpus, reasons in failures.items():
        counts = ", ".join(f"{reason} {videos:,}" for reason, videos in reasons.items())
        table.add_row(escape(corpus), counts)
    return table


def _start_table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=SIMPLE, pad_edge=False)


def _format_gib(used: float, total: float) -> str:
    return f"{used / GIB:.1f} of {total / GIB:.0f} GiB"
