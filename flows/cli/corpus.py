"""The panel "A corpus": from a source to a published index, and what came of each video."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from rich.table import Table

from data.catalog.coverage import compute_status, list_failures
from data.catalog.database import Catalog
from data.specs.pipeline import IndexSpec, PoolSpec
from data.store.last_ingest import describe_failure
from data.store.storage import Store
from flows.cli.app import open_panel
from flows.cli.console import escape, live, out, print_result, print_summary, run_flow
from flows.cli.failed import print_corpus_failures, run_corpus_flow
from flows.cli.nothing_to_do import print_up_to_date
from flows.cli.options import (
    EMBED,
    AsJson,
    Columns,
    Corpus,
    CorpusOption,
    EmbedPrint,
    Frames,
    Root,
    Runner,
    Workers,
    arg,
    build_embed_spec,
    open_store,
    opt,
    parse_columns,
)
from flows.cli.spec_options import Fields, SpecOptions, add_options, build_spec, option

T = TypeVar("T")

POOL, KEY = SpecOptions(PoolSpec(), "method"), option("index_key", "--key")
INDEX = SpecOptions(IndexSpec(), "engine", KEY, "gate", "parts", "max_memory", "seed")

command = open_panel("A corpus")


@command()
@add_options(fields=EMBED)
def run(
    corpus: Corpus, fields: Fields,
    source: Annotated[str | None, opt("--source", "Source to ingest first (see ingest).")] = None,
    column: Columns = None, workers: Workers = None, runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Bring a corpus up to date: ingest, embed, pool and index what is new.

    Without options for the model or the frames, the corpus's current ones are used.
    """
    if not (source or column or fields) and print_up_to_date(corpus):
        return
    from flows.pipeline import pipeline
    from tasks.ui.pipeline_summary import format_stage

    with live():
        summaries = pipeline(
            corpus, source, columns=parse_columns(column), embed_spec=build_embed_spec(fields)
        )
    for stage, summary in summaries.items():
        out().print(f"{stage}: {escape(format_stage(stage, summary))}")
    print_corpus_failures(corpus, summaries)


@command()
def ingest(
    source: Annotated[str, arg("SRC", "Source: a table, a folder or glob of videos, or tars.")],
    corpus: CorpusOption, column: Columns = None,
    probe: Annotated[
        bool, opt("--probe/--no-probe", "Read each new video once, for its duration and size.")
    ] = True,
    accept_missing: Annotated[
        bool, opt("--accept-missing", "Go on where most known videos are gone at once.")
    ] = False,
    root: Root = None,
) -> None:  # fmt: skip
    """Add a source's new and changed videos to a corpus; every row is accounted for."""
    from flows.ingest import ingest as flow

    run_corpus_flow(corpus, flow, source, corpus, parse_columns(column), probe, accept_missing)


@command()
@add_options(fields=EMBED)
def embed(
    corpus: Corpus, fields: Fields, workers: Workers = None, runner: Runner = None,
    root: Root = None,
) -> None:  # fmt: skip
    """Embed videos that have no frame vectors yet, using the corpus's current spec by default."""
    from flows.embed import embed as flow

    spec = build_embed_spec(fields)
    run_corpus_flow(corpus, flow, corpus, spec)


@command()
@add_options(fields=POOL)
def pool(corpus: Corpus, fields: Fields, embed: EmbedPrint = None, root: Root = None) -> None:
    """Pool each video's frame vectors into one vector."""
    from flows.pool import pool as flow

    spec = build_spec(PoolSpec(), fields) if fields else None
    run_flow(flow, corpus, spec, embed)


@command()
@add_options(fields=INDEX)
def index(
    corpus: Corpus, fields: Fields,
    rebuild: Annotated[bool, opt("--rebuild", "Build a new index, do not add to it.")] = False,
    embed: EmbedPrint = None, frames: Frames = False, root: Root = None,
) -> None:  # fmt: skip
    """Add new vectors to the index, or build it; publish it if it passes the recall gate.

    Without options for the index, the corpus's current ones are used.
    """
    from flows.index import index as flow

    spec = build_spec(IndexSpec(), fields) if fields else None
    run_flow(flow, corpus, spec, rebuild, embed, frames)


@command()
def status(corpus: Corpus, as_json: AsJson = False, root: Root = None) -> None:
    """Show how far each stage of a corpus is, in videos and in hours."""
    print_result(_query(corpus, compute_status), as_json, _print_coverage)
    _warn_of_ingest(corpus)


@command()
def failures(corpus: Corpus, as_json: AsJson = False, root: Root = None) -> None:
    """List every video that failed, with the reason."""

    def print_rows(rows: list[dict[str, Any]]) -> None:
        columns = ("stage", "id", "reason", "detail", "attempts", "decoder")
        table = Table(*columns)
        for row in rows:
            table.add_row(*(escape(str(row[key] or "")) for key in columns))
        out().print(table if rows else f"no failures in {corpus}")

    print_result(_query(corpus, list_failures), as_json, print_rows)
    _warn_of_ingest(corpus)


@command()
def retry(
    corpus: Corpus,
    reason: Annotated[list[str] | None, opt("--reason", "Only failures with this reason.")] = None,
    decoder: Annotated[
        str | None, opt("--decoder", 'Only failures of this decoder: "av 15.1.0".')
    ] = None,
    outdated: Annotated[
        bool, opt("--outdated", "Only failures of other decoder versions.")
    ] = False,
    count: Annotated[bool, opt("--count", "Count them and do nothing.")] = False,
    runner: Runner = None, workers: Workers = None, root: Root = None,
) -> None:  # fmt: skip
    """Try failed videos again, in ingest, embed and annotate."""
    from flows.retry import list_retries
    from flows.retry import retry as flow

    rows = list_retries(corpus, reason, decoder, outdated)
    table = Table("stage", "reason", "decoder", "videos", title="to try again")
    for row in rows:
        table.add_row(row["stage"], row["reason"], row["decoder"], f"{row['videos']:,}")
    out().print(table if rows else f"nothing to try again in {corpus}")
    if count:
        return
    with live():
        summaries = flow(corpus, reason or [], decoder, outdated)
    for stage, summary in summaries.items():
        print_summary({"stage": stage} | summary)


def _query(corpus: str, question: Callable[[Catalog, Store, str], T]) -> T:
    """The catalogue's answer about a corpus; a UserError where the corpus does not exist."""
    workspace = open_store()
    workspace.check_corpus(corpus)
    with workspace.open_catalog() as catalog:
        return question(catalog, workspace.store, corpus)


def _warn_of_ingest(corpus: str) -> None:
    """Says so where the corpus's last ingest failed as a whole: its rows are not all there."""
    if failure := describe_failure(open_store().store, corpus):
        out(err=True).print(escape(f"warning: {failure}"))


def _print_coverage(coverage: dict[str, Any]) -> None:
    heads = ("stage", "total", "done", "failed", "missing", "hours done")
    table = Table(*heads, title=coverage["corpus"])
    for stage, counts in coverage["stages"].items():
        numbers = [f"{counts['videos'][key]:,}" for key in heads[1:5]]
        table.add_row(stage, *numbers, f"{counts['hours']['done']:,.2f}")
    out().print(table)
    out().print(f"model: {escape(coverage['model'] or 'none yet')}")
