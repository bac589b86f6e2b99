"""What the terminal shows: live progress while a flow runs, figures when it ends."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tasks.progress import Progress, ignore, line, listen

PLAIN_EVERY_S = 10.0  # without a terminal: a line this often
MARK = "█"


def out(err: bool = False) -> Console:
    """A console of the width that there is; wide where it is no terminal, so nothing is cut."""
    stream = sys.stderr if err else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else 200, highlight=False)


@contextmanager
def live() -> Iterator[None]:
    """Shows the progress of the flows that run in the block, on standard error."""
    console = out(err=True)
    show = _Terminal(console) if console.is_terminal else _Plain(console)
    listen(show)
    try:
        with show:
            yield
    finally:
        ignore(show)


def print_summary(summary: dict[str, Any]) -> None:
    """A run's figures, one a line, as its page shows them."""
    from tasks.ui.artifacts import figure, head

    table = Table(show_header=False, box=None, pad_edge=False)
    for key, value in summary.items():
        table.add_row(Text(head(key), style="bold"), escape(figure(key, value)))
    out().print(table)


class _Plain:
    """A line now and then, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console, self._said = console, 0.0

    def __enter__(self) -> None:
        """Nothing to open."""

    def __exit__(self, *exc: object) -> None:
        """Nothing to close."""

    def __call__(self, progress: Progress) -> None:
        ends = progress.through and not progress.left and progress.stage != "ingest"
        if progress.note or ends or time.monotonic() - self._said > PLAIN_EVERY_S:
            self._said = time.monotonic()
            self._console.print(escape(line(progress)))


class _Terminal:
    """One line a stage, redrawn in place."""

    def __init__(self, console: Console) -> None:
        self._stages: dict[str, Progress] = {}
        self._lock = threading.Lock()
        self._live = Live(console=console, refresh_per_second=4, get_renderable=self._drawn)

    def __enter__(self) -> None:
        self._live.start()

    def __exit__(self, *exc: object) -> None:
        self._live.stop()

    def __call__(self, progress: Progress) -> None:
        with self._lock:
            key = progress.note if progress.stage == "note" else progress.stage
            self._stages[key] = progress

    def _drawn(self) -> Text:
        with self._lock:
            shown = list(self._stages.values())
        return Text("\n").join(_bar(each) for each in shown)


def _bar(progress: Progress, width: int = 24) -> Text:
    share = progress.through / progress.total if progress.total else 0.0
    full = round(share * width)
    text = Text(line(progress))
    if progress.note:
        return text
    return Text.assemble((MARK * full, "cyan"), ("─" * (width - full), "dim"), " ", text)
