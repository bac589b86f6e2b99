"""Ends a command at once where there is nothing to do, without a server, a worker or a model."""

import os

from data.runs.nights import record_night
from flows.cli.console import escape, out
from flows.cli.options import name_command, open_store


def print_up_to_date(corpus: str) -> bool:
    """Whether a run of the corpus would change nothing; then records and prints that it is so."""
    from tasks.up_to_date import find_up_to_date

    if os.environ.get("PREFECT_API_URL"):
        return False  # a server that is there sees every run
    workspace = open_store()
    if (found := find_up_to_date(workspace, corpus)) is None:
        return False
    record_night(workspace.store, corpus)
    see = name_command("failures", corpus)
    failed = f", {found.failed:,} failed: see `{see}`" if found.failed else ""
    out().print(escape(f"nothing to do: {found.done:,} videos in index {found.version}{failed}"))
    return True
