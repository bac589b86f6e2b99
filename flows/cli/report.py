"""The command that writes pages of what was generated."""

from typing import Annotated

import typer

from flows.cli.console import live, print_summary
from flows.cli.main import app
from flows.cli.options import Root


@app.command()
def report(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="A fingerprint, its first digits, or latest.")
    ] = "latest",
    out: Annotated[
        str | None, typer.Option("--out", help="The HTML file. [report.html beside the run]")
    ] = None,
    root: Root = None,
) -> None:
    """Write a page of a run of generation, an experiment or an evaluation, its videos playing."""
    from flows.report import report as flow

    with live():
        made = flow(run, out)
    print_summary(made)
