"""The commands of vectors made another way: compare them, then switch to them, and back."""

import json
from typing import Annotated

import typer

from flows.cli.console import live, print_summary
from flows.cli.main import app
from flows.cli.options import AsJson, Corpus, Root

Embed = Annotated[
    str, typer.Argument(metavar="FINGERPRINT", help="Of the vectors, as backfill and embed say it.")
]


@app.command("compare-vectors")
def compare_vectors(
    corpus: Corpus, embed: Embed,
    sample: Annotated[int, typer.Option("--sample", min=11, help="Videos to compare.")] = 2000,
    as_json: AsJson = False, root: Root = None,
) -> None:  # fmt: skip
    """Compare vectors with those in use: neighbours in common, captions that find their video."""
    from flows.shadow import compare_vectors as flow

    with live():
        made = flow(corpus, embed, sample)
    typer.echo(json.dumps(made)) if as_json else print_summary(made)


@app.command()
def switch(corpus: Corpus, embed: Embed, root: Root = None) -> None:
    """Search with other vectors from now on; with the former fingerprint it switches back."""
    from flows.shadow import switch as flow

    with live():
        made = flow(corpus, embed)
    print_summary(made)
