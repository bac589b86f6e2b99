"""The panel "Operate": schedules, and the upkeep of a store."""

import json
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Annotated

import typer
from rich.progress import Progress, TaskID

from data.settings import Settings
from flows.cli import service as service  # adds the panel's first commands
from flows.cli.app import add_group, open_panel
from flows.cli.console import out, print_summary, run_flow
from flows.cli.options import (
    AsJson,
    Columns,
    Corpus,
    Root,
    Runner,
    arg,
    open_store,
    opt,
    parse_columns,
)

command = open_panel("Operate")


@command()
def schedule(
    corpus: Corpus,
    cron: Annotated[str, opt("--cron", "Minute, hour, day, month, weekday.")] = "0 2 * * *",
    timezone: Annotated[str, opt("--timezone", "Time zone, e.g. Europe/Berlin.")] = "UTC",
    source: Annotated[
        str | None, opt("--source", "Source to ingest.", default="that of the last ingest")
    ] = None,
    column: Columns = None,
    off: Annotated[bool, opt("--off", "Remove the schedule.")] = False,
    root: Root = None,
) -> None:  # fmt: skip
    """Update a corpus at set times, by a deployment of its own that a worker runs."""
    from tasks.service.schedules import schedule_corpus, unschedule_corpus
    from tasks.service.server import find_api_url

    url = find_api_url(Settings())
    if off:
        removed = unschedule_corpus(url, corpus)
        text = f"removed the schedule of {corpus}" if removed else f"{corpus} had no schedule"
        return out().print(text)
    columns = parse_columns(column)
    parameters = schedule_corpus(open_store(), url, corpus, cron, timezone, source, columns)
    ingested = parameters["source"] or "nothing; only videos already in the corpus are processed"
    text = f"scheduled {corpus} at {cron} ({timezone}), ingesting {ingested}"
    out().print(text, markup=False)
    out().print("to see what comes next: reelflow top")


@command()
def top(
    once: Annotated[bool, opt("--once", "Print it once, as in a pipe, and exit.")] = False,
    as_json: AsJson = False, root: Root = None,
) -> None:  # fmt: skip
    """Show running, waiting and finished runs, and how busy this machine is."""
    from flows.cli.top_page import build_page, show_live
    from tasks.service.load import measure_load
    from tasks.service.server import find_api_url, open_client
    from tasks.service.top import read_activity

    console = out()
    with open_client(find_api_url(Settings())) as client:
        if as_json:
            record = {"server": asdict(read_activity(client)), "machine": asdict(measure_load())}
            typer.echo(json.dumps(record, default=datetime.isoformat))
        elif once or not console.is_terminal:
            console.print(build_page(read_activity(client), measure_load()))
        else:
            show_live(console, lambda: build_page(read_activity(client), measure_load()))


@command()
def maintain(
    corpus: Corpus,
    sample: Annotated[int, opt("--sample", "Number of videos to read again.", min=0)] = 100,
    remove: Annotated[bool, opt("--remove", "Delete leftovers instead of listing them.")] = False,
    keep: Annotated[int, opt("--keep", "Versions of each index to keep.", min=1)] = 2,
    rebuild: Annotated[bool, opt("--rebuild", "Rebuild the catalogue.")] = False,
    canary: Annotated[bool, opt("--canary/--no-canary", "Embed the canary again.")] = True,
    compact: Annotated[
        bool, opt("--compact", "Merge small files instead of counting them.")
    ] = False,
    requeue: Annotated[
        bool, opt("--requeue", "Retry failures of other decoder versions instead of counting them.")
    ] = False,
    as_json: AsJson = False, runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Check a sample of the videos, leftovers, and that this machine embeds as before."""
    from flows.maintain import maintain as flow

    run_flow(flow, corpus, sample, remove, keep, rebuild, canary, compact, requeue, as_json=as_json)


@command()
def copy(
    dest: Annotated[str, arg("DEST", "An empty folder, or s3://…")],
    root: Root = None,
) -> None:  # fmt: skip
    """Copy the store to another place; run it again to resume an interrupted copy."""
    from data.store.copy import copy_store
    from data.store.storage import Store

    source = open_store().store
    with Progress(console=out(err=True), transient=True) as bar:
        task = bar.add_task("files", total=None)
        show = partial(_show_copied, bar, task)
        totals = copy_store(source, Store(dest), show)
    print_summary(asdict(totals))
    out().print(f"to use the copy: export REELFLOW_ROOT={dest}")


catalog = add_group("catalog", "Manage the catalogue, an index of the store's contents.", "Operate")


@catalog.command()
def rebuild(root: Root = None) -> None:
    """Rebuild the catalogue from the store."""
    workspace = open_store()
    workspace.rebuild_catalog()
    count = len(workspace.list_corpora())
    out().print(f"rebuilt the catalogue of {count} corpora from {workspace.store.root}")


def _show_copied(bar: Progress, task: TaskID, done: int, total: int) -> None:
    bar.update(task, completed=done, total=total)
