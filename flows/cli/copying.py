"""The command that takes a store to another place."""

from typing import Annotated

import typer
from rich.progress import Progress

from flows.cli.console import out, print_summary
from flows.cli.main import app
from flows.cli.options import Root, open_store


@app.command()
def copy(
    dest: Annotated[str, typer.Argument(metavar="DEST", help="An empty folder, or s3://…")],
    root: Root = None,
) -> None:
    """Copy the store to another place, to go on there; cut short, the same command goes on."""
    from dataclasses import asdict

    from data.store.copy import copy as bring
    from data.store.storage import Store

    here = open_store().store
    with Progress(console=out(err=True), transient=True) as shown:
        task = shown.add_task("files", total=None)
        made = bring(here, Store(dest), lambda n, of: shown.update(task, completed=n, total=of))
    print_summary(asdict(made))
    out().print(f"to go on there: export REELFLOW_ROOT={dest}")
