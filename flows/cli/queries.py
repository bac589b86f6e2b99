"""Commands that only look."""

import json
from collections.abc import Callable
from typing import Annotated, TypeVar

import typer
from rich.table import Table

from data.catalog.coverage import coverage
from data.catalog.coverage import failures as failures_of
from data.catalog.database import Catalog
from data.records import Hit
from data.specs.pipeline import VIDEO_QUERIES, RetrieveSpec
from data.store.storage import Store
from flows.cli.console import out
from flows.cli.main import app
from flows.cli.options import AsJson, Corpus, Mmr, Root, open_store

T = TypeVar("T")


@app.command()
def search(
    corpus: Corpus,
    text: Annotated[str | None, typer.Argument(help="What to look for.")] = None,
    k: Annotated[int, typer.Option("-k", min=1)] = 5,
    video: Annotated[str | None, typer.Option("--video", help="Like this video, by id.")] = None,
    where: Annotated[str | None, typer.Option("--where", help="A condition, as fps > 20.")] = None,
    mmr: Mmr = None,
    exact: Annotated[bool, typer.Option("--exact", help="Compare every video.")] = False,
    as_json: AsJson = False,
    root: Root = None,
) -> None:
    """Find the videos that a text describes, or that are like a video."""
    from data.records import Prompt
    from tasks.retrieve.bank import Bank

    if (text is None) == (video is None):
        raise typer.BadParameter("give a text, or --video ID")
    bank = Bank(open_store(), corpus)
    with out(err=True).status("searching"):  # loads a model
        if video is not None:
            asked = {"k": k, "where": where, "exact": exact, "mmr": mmr}
            hits = bank.by_video([video], VIDEO_QUERIES.model_copy(update=asked))
        else:
            spec = RetrieveSpec(k=k, where=where, exact=exact, mmr=mmr)
            hits = bank.by_text([Prompt("0", text or "")], spec)
    _print_hits(hits, as_json)
    if short := sum(bank.shortages.values()):
        out(err=True).print(f"{short} fewer than asked for: there are no more that differ enough")


@app.command()
def status(corpus: Corpus, as_json: AsJson = False, root: Root = None) -> None:
    """How far a corpus is, stage by stage, in videos and in hours."""
    found = _ask(corpus, coverage)
    if as_json:
        return typer.echo(json.dumps(found))
    table = Table("stage", "total", "done", "failed", "missing", "hours done", title=corpus)
    for stage, counts in found["stages"].items():
        videos = counts["videos"]
        numbers = [f"{videos[key]:,}" for key in ("total", "done", "failed", "missing")]
        table.add_row(stage, *numbers, f"{counts['hours']['done']:,.2f}")
    out().print(table)


@app.command()
def failures(corpus: Corpus, as_json: AsJson = False, root: Root = None) -> None:
    """Every row that failed, with its reason."""
    found = _ask(corpus, failures_of)
    if as_json:
        return typer.echo(json.dumps(found))
    columns = ("stage", "id", "reason", "detail", "attempts", "decoder")
    table = Table(*columns)
    for row in found:
        table.add_row(*(str(row[key] or "") for key in columns))
    out().print(table if found else f"nothing of {corpus} failed")


def _ask(corpus: str, question: Callable[[Catalog, Store, str], T]) -> T:
    """What the catalogue answers about a corpus that there is."""
    workspace = open_store()
    workspace.known(corpus)
    with workspace.catalog() as catalog:
        return question(catalog, workspace.store, corpus)


def _print_hits(hits: list[Hit], as_json: bool) -> None:
    from dataclasses import asdict

    if as_json:
        return typer.echo(json.dumps([asdict(hit) for hit in hits], ensure_ascii=False))
    table = Table("#", "score", "video", "caption", "uri")
    for hit in hits:
        table.add_row(str(hit.rank), f"{hit.score:.3f}", hit.video_id, hit.caption, hit.uri)
    out().print(table)
