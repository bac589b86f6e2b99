"""Commands about what was generated: the runs, and who owes what to whom."""

import json
from collections.abc import Iterator
from itertools import groupby
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from flows.cli.console import live, out, print_summary
from flows.cli.main import app
from flows.cli.options import AsJson, Root, Runner, Workers, open_store


@app.command()
def generations(
    corpus: Annotated[str | None, typer.Argument(metavar="NAME", help="Only of this.")] = None,
    as_json: AsJson = False,
    root: Root = None,
) -> None:
    """The runs of generation, the newest first."""
    from tasks.generate.provenance import runs

    found = runs(open_store(), corpus)
    if as_json:
        return typer.echo(json.dumps(found))
    table = Table("run", "corpus", "generator", "made", "prompts", "done", "failed", "s a video")
    for row in found:
        each = f"{row['seconds'] / row['done']:,.2f}" if row["done"] else ""
        names = (row[key] for key in ("run", "corpus", "engine", "made"))
        table.add_row(*names, *(f"{row[key]:,}" for key in ("prompts", "done", "failed")), each)
    out().print(table if found else "nothing was generated yet")


@app.command()
def passport(
    name: Annotated[
        str, typer.Argument(metavar="VIDEO", help="A video's id, a request's id, or a file.")
    ],
    corpus: Annotated[str | None, typer.Option("--corpus", help="Only in this corpus.")] = None,
    as_json: AsJson = False,
    root: Root = None,
) -> None:
    """What a video influenced, or what a generated one was conditioned on."""
    from tasks.generate.provenance import passport as look

    found = look(open_store(), name, corpus)
    if as_json:
        return typer.echo(json.dumps(found))
    for video in found["videos"]:
        out().print(_video(video))
    if found["videos"]:
        out().print(_outputs(found["influenced"]))
    for part in _conditions(found["outputs"]):
        out().print(part)


@app.command()
def withdraw(
    video: Annotated[str, typer.Argument(metavar="VIDEO", help="Its id.")],
    corpus: Annotated[str, typer.Option("--corpus", help="The corpus that it is in.")],
    why: Annotated[str | None, typer.Option("--why", help="A note for later.")] = None,
    regenerate: Annotated[
        bool, typer.Option("--regenerate", help="Make what it conditioned again, without it.")
    ] = False,
    as_json: AsJson = False, workers: Workers = None, runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Take a video out of every search, and list what was made of it."""
    from flows.withdraw import withdraw as flow

    with live():
        made = flow(video, corpus, why, regenerate)
    if as_json:
        return typer.echo(json.dumps(made))
    out().print(f"{escape(video)} is withdrawn since {made['at']}; it had a part in:")
    out().print(_outputs(made["outputs"]))
    for run in made["regenerated"]:
        print_summary(run)
    if made["outputs"] and not regenerate:
        out().print("--regenerate removes these files and makes them again without it")


def _video(row: dict[str, Any]) -> str:
    said = f"[bold]{escape(row['id'])}[/], {row['corpus']}: {escape(row['uri'])}"
    gone = row["withdrawn"]
    return f"{said}\n[red]withdrawn {gone}[/] {escape(row['why'])}" if gone else said


def _outputs(rows: list[dict[str, Any]]) -> Table | str:
    """Outputs, and as what each had the clip in question."""
    if not rows:
        return "nothing was made of it"
    table = Table("run", "request", "prompt", "rank", "score", "from", "file")
    for row in rows:
        named = (row["run"], row["request_id"], escape(row["prompt"]))
        table.add_row(*named, *_hit(row), row["file"])
    return table


def _hit(row: dict[str, Any]) -> tuple[str, str, str]:
    return str(row["rank"]), f"{row['score']:.3f}", f"{row['start_s']:.2f} s"


def _conditions(rows: list[dict[str, Any]]) -> Iterator[str | Table]:
    """Each output, and the clips that it was conditioned on."""
    for _, some in groupby(rows, key=lambda row: (row["run"], row["request_id"])):
        clips = list(some)
        first = clips[0]
        yield (
            f"[bold]{escape(first['request_id'])}[/] of run {first['run']}"
            f" ({first['engine']}, {first['corpus']}, seed {first['seed']}):"
            f" {escape(first['prompt'])}\n{first['file'] or escape(first['detail'] or '')}"
        )
        table = Table("rank", "score", "from", "weight", "video")
        for row in clips:
            if row["rank"] is not None:
                table.add_row(*_hit(row), f"{row['weight']:.2f}", escape(row["video_id"]))
        yield table if table.row_count else "conditioned on no clip"
