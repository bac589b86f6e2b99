"""The command that looks for a benchmark's clips in a corpus."""

import json
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from flows.cli.console import live, out
from flows.cli.main import app
from flows.cli.options import AsJson, Corpus, Root, Runner, Workers, given


@app.command()
def leaks(
    corpus: Corpus,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The clips of an evaluation.")],
    threshold: Annotated[
        float | None,
        typer.Option("--threshold", min=-1, max=1, help="The cosine of near copies. [0.98]"),
    ] = None,
    file: Annotated[
        str | None, typer.Option("--out", help="Write the matches, for `generate --without`.")
    ] = None,
    as_json: AsJson = False, workers: Workers = None, runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Find the clips of an evaluation that a corpus has, byte for byte or nearly."""
    from flows.leaks import leaks as flow

    with live():
        found = flow(corpus, source, **given({"threshold": threshold, "out": file}))
    typer.echo(json.dumps(found)) if as_json else _print(found)


def _print(found: dict[str, Any]) -> None:
    table = Table("clip", "kind", "cosine", "video of the corpus")
    for leak in found["leaks"]:
        names = escape(leak["clip"]), escape(leak["video_id"])
        table.add_row(names[0], leak["kind"], f"{leak['similarity']:.3f}", names[1])
    clips = len({leak["clip"] for leak in found["leaks"]})
    if clips:
        out().print(table)
    out().print(f"{clips:,} of {found['clips']:,} clips are in {found['corpus']}")
    for failed in found["failed"]:
        said = f"{failed['id']}: {failed['detail']} ({failed['reason']})"
        out(err=True).print(escape(f"not compared: {said}"))
