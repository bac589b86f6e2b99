"""Commands that look after a corpus: what failed is tried again, what lies about is seen to."""

import json
from typing import Annotated, Any

import typer
from rich.table import Table

from flows.cli.console import live, out, print_summary
from flows.cli.main import app
from flows.cli.options import AsJson, Corpus, Root, Runner, Workers


@app.command()
def retry(
    corpus: Corpus,
    reason: Annotated[list[str] | None, typer.Option("--reason", help="Only these.")] = None,
    decoder: Annotated[
        str | None, typer.Option("--decoder", help='Only what this refused, as "av 15.1.0".')
    ] = None,
    outdated: Annotated[
        bool, typer.Option("--outdated", help="Only what another version refused than there is.")
    ] = False,
    count: Annotated[bool, typer.Option("--count", help="Say how many, and do nothing.")] = False,
    runner: Runner = None, workers: Workers = None, root: Root = None,
) -> None:  # fmt: skip
    """Try again what failed, in ingest and in embed."""
    from flows.retry import retry as flow
    from flows.retry import to_retry

    _print(to_retry(corpus, reason, decoder, outdated), corpus)
    if count:
        return
    with live():
        made = flow(corpus, reason or [], decoder, outdated)
    for stage, summary in made.items():
        print_summary({"stage": stage} | summary)


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
    compact: Annotated[
        bool, typer.Option("--compact", help="Make few files of many small ones; else count them.")
    ] = False,
    requeue: Annotated[
        bool, typer.Option("--requeue", help="Try again what another decoder refused; else count.")
    ] = False,
    as_json: AsJson = False, runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Check a sample of the videos, leftovers, and whether this machine embeds as before."""
    from flows.maintain import maintain as flow

    with live():
        made = flow(corpus, sample, remove, keep, rebuild, canary, compact, requeue)
    typer.echo(json.dumps(made)) if as_json else print_summary(made)


def _print(found: list[dict[str, Any]], corpus: str) -> None:
    """What there is to try again."""
    if not found:
        return out().print(f"nothing of {corpus} to try again")
    table = Table("stage", "reason", "decoder", "videos", title="to try again")
    for row in found:
        table.add_row(row["stage"], row["reason"], row["decoder"], f"{row['videos']:,}")
    out().print(table)
