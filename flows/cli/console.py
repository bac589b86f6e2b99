"""What the terminal shows: live progress while a flow runs, figures when it ends."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich import markup
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from data.visible import show_json, show_text
from tasks.progress import Progress, add_listener, format_line, remove_listener

PLAIN_EVERY_S = 10.0  # without a terminal: a line this often
MARK = "█"


class VisibleConsole(Console):
    """A console that no text can make obey: what is not visible is written as an escape."""

    def render_str(self, text: str, **options: Any) -> Text:
        """The text as rich renders it, in tables too, measured after it was made visible."""
        return super().render_str(show_text(text, lines=True), **options)


def out(err: bool = False) -> Console:
    """A console as wide as the terminal; wide where there is none, so that nothing is cut."""
    stream = sys.stderr if err else sys.stdout
    return VisibleConsole(file=stream, width=None if stream.isatty() else 200, highlight=False)


def escape(text: str) -> str:
    """Untrusted text on one line, without rich's own markup."""
    return markup.escape(show_text(text))


@contextmanager
def live() -> Iterator[None]:
    """Shows the progress of the flows that run in the block, on standard error.

    Raises a UserError at once where these could not reach Prefect's server. Where none is named,
    Prefect starts one for the command.
    """
    from tasks.service.fresh_database import prepare_database
    from tasks.service.server import check_configured_server

    if not check_configured_server():
        prepare_database()
    console = out(err=True)
    display = _Terminal(console) if console.is_terminal else _Plain(console)
    add_listener(display)
    try:
        with display:
            yield
    finally:
        remove_listener(display)


def print_summary(summary: dict[str, Any]) -> None:
    """Prints a run's figures, one a line, as its page shows them."""
    from tasks.ui.artifacts import format_figure, format_label

    table = Table(show_header=False, box=None, pad_edge=False)
    for key, value in summary.items():
        table.add_row(Text(format_label(key), style="bold"), escape(format_figure(key, value)))
    out().print(table)


def print_result(
    result: Any, as_json: bool, print_plain: Callable[[Any], None] = print_summary
) -> None:
    """Prints a command's result, as JSON where --json was given."""
    if as_json:
        return typer.echo(show_json(result))
    print_plain(result)


def run_flow(
    flow: Callable[..., Any], *args: Any, as_json: bool = False,
    print_plain: Callable[[Any], None] = print_summary, **named: Any,
) -> None:  # fmt: skip
    """Runs a flow with its progress on the terminal, and prints its result."""
    with live():
        result = flow(*args, **named)
    print_result(result, as_json, print_plain)


class _Plain:
    """Progress as a line now and then, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console, self._printed_at = console, 0.0

    def __enter__(self) -> None:
        """Nothing to open."""

    def __exit__(self, *exc: object) -> None:
        """Nothing to close."""

    def __call__(self, progress: Progress) -> None:
        # How many videos ingest has to go through is not known before its end.
        ends = progress.num_processed and not progress.num_remaining and progress.stage != "ingest"
        if progress.note or ends or time.monotonic() - self._printed_at > PLAIN_EVERY_S:
            self._printed_at = time.monotonic()
            self._console.print(escape(format_line(progress)))


class _Terminal:
    """Progress as one line a stage, redrawn in place."""

    def __init__(self, console: Console) -> None:
        self._stages: dict[str, Progress] = {}
        self._lock = threading.Lock()
        self._live = Live(console=console, refresh_per_second=4, get_renderable=self._draw)

    def __enter__(self) -> None:
        self._live.start()

    def __exit__(self, *exc: object) -> None:
        self._live.stop()

    def __call__(self, progress: Progress) -> None:
        with self._lock:
            key = progress.note if progress.stage == "note" else progress.stage
            self._stages[key] = progress

    def _draw(self) -> Text:
        with self._lock:
            stages = list(self._stages.values())
        return Text("\n").join(_draw_bar(each) for each in stages)


def _draw_bar(progress: Progress, width: int = 24) -> Text:
    share = progress.num_processed / progress.total if progress.total else 0.0
    full = round(share * width)
    text = Text(show_text(format_line(progress)))
    if progress.note:
        return text
    return Text.assemble((MARK * full, "cyan"), ("─" * (width - full), "dim"), " ", text)
