"""The panel "Search"."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from data.specs.retrieve import VIDEO_QUERIES, RetrieveSpec
from data.timecode import format_seconds
from data.workspace import Workspace
from flows.cli.app import open_panel
from flows.cli.console import escape, out, print_result, run_flow
from flows.cli.options import AsJson, Corpus, Root, Runner, Workers, arg, open_store, opt
from flows.cli.spec_options import Fields, SpecOptions, add_options, build_spec, option
from flows.cli.texts import parse_kinds, search_texts

if TYPE_CHECKING:
    from tasks.retrieve.retriever import Retriever

K = option("k", "-k", "--k", min=1)
FIELDS = (
    K, "where", option("moments", "--moments"), "mmr", option("exact", "--exact"), "ceiling",
    "dedup", "exclude", "exclude_groups", "not_from_same", "smooth", "cut", "candidates", "by",
)  # fmt: skip
SEARCH = SpecOptions(RetrieveSpec(), *FIELDS)
RETRIEVE = SpecOptions(RetrieveSpec(), *FIELDS, "own")

Within = Annotated[
    str | None,
    opt("--in", "Search texts: speech, screen, objects, captions; with commas between."),
]
IN_TEXTS = {"k", "where", "exclude"}  # the options that a search in texts has

command = open_panel("Search")


@command()
@add_options(fields=SEARCH)
def search(
    corpus: Corpus, fields: Fields,
    text: Annotated[str | None, arg("", "Text to search for.")] = None,
    video: Annotated[
        str | None, opt("--video", "Search with this video, by id, not with a text.")
    ] = None,
    image: Annotated[
        str | None, opt("--image", "Search with this picture or video file, not with a text.")
    ] = None,
    within: Within = None,
    as_json: AsJson = False, root: Root = None,
) -> None:  # fmt: skip
    """Find the videos that a text describes, or that are similar to a video or a picture.

    With --moments, find the spans of them that match. With --in, find the moments in which such
    words were said or written.
    """
    from data.records import Prompt, Query
    from tasks.browse.query_file import embed_query_file
    from tasks.origins import describe_mismatch

    _check_query(text, video, image, fields)
    if within is not None:
        return _search_texts(corpus, text, within, fields, as_json)
    workspace = open_store()
    retriever = _open_retriever(workspace, corpus, fields, video)
    if warning := describe_mismatch(workspace, corpus):
        out(err=True).print(escape(warning))
    with out(err=True).status("searching"):  # loads a model
        if video is not None:
            hits = retriever.search_videos([video], build_spec(VIDEO_QUERIES, fields))
        elif image is not None:
            vectors = embed_query_file(workspace, corpus, image)
            spec = build_spec(VIDEO_QUERIES, fields)
            hits = retriever.search_vectors([Query("0", image)], vectors, spec)
        else:
            spec = build_spec(RetrieveSpec(), fields)
            hits = retriever.search_prompts([Prompt("0", text or "")], spec)
    print_result([asdict(hit) for hit in hits], as_json, _print_hits)
    for where in retriever.unmatched:
        out(err=True).print(f"no video of {corpus} meets the condition {where}", markup=False)
    if not retriever.unmatched and (short := sum(retriever.shortages.values())):
        out(err=True).print(f"{short} fewer than requested: the others are duplicates of these")


@command()
@add_options(fields=RETRIEVE)
def retrieve(
    corpus: Corpus,
    prompts: Annotated[str, arg("PROMPTS", "Text file, one prompt a line, or a table.")],
    fields: Fields,
    out: Annotated[str, opt("--out", "Parquet file to write.")],
    report: Annotated[
        str | None, opt("--report", "Also write a page with the clips: PATH.html.")
    ] = None,
    within: Within = None,
    root: Root = None,
) -> None:  # fmt: skip
    """Search for every prompt of a file and write the hits as Parquet."""
    from flows.retrieve import retrieve as flow

    spec = build_spec(RetrieveSpec(), fields)
    run_flow(flow, corpus, prompts, out, spec, report, parse_kinds(within) if within else None)


def _open_retriever(
    workspace: Workspace, corpus: str, fields: Fields, video: str | None
) -> "Retriever":
    """What the query is compared with: the index, or by --by captions or motion."""
    from tasks.browse.running import choose_embedder
    from tasks.retrieve.retriever import Retriever
    from tasks.retrieve.stored import CaptionRetriever, MotionRetriever

    by = fields.get("by", "index")
    if by == "motion" and video is not None:
        return MotionRetriever(workspace, corpus)
    if by == "caption":
        return CaptionRetriever(workspace, corpus)
    if by != "index":
        raise typer.BadParameter("--by is caption, or motion with --video ID; --image needs none")
    return Retriever(workspace, corpus, choose_embedder(workspace))


def _check_query(text: str | None, video: str | None, image: str | None, fields: Fields) -> None:
    if [text, video, image].count(None) != 2:
        raise typer.BadParameter("give one of a text, --video ID and --image FILE")
    if video is None and "not_from_same" in fields:
        raise typer.BadParameter("--not-from-same goes with --video, whose row has the column")


def _search_texts(
    corpus: str, text: str | None, within: str, fields: Fields, as_json: bool
) -> None:
    if text is None or fields.keys() - IN_TEXTS:
        raise typer.BadParameter("--in goes with a text, and with -k, --where and --exclude")
    search_texts(corpus, text, within, build_spec(RetrieveSpec(), fields), as_json)


@command()
def cut(
    hits: Annotated[str, arg("HITS", "Parquet file that `retrieve --moments` wrote.")],
    folder: Annotated[str, arg("DEST", "Folder to write.")],
    exact: Annotated[
        bool, opt("--exact", "Encode again, exactly; else copy from the keyframe before.")
    ] = False,
    workers: Workers = None, runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Write the moments of a table of hits as files, each with its provenance as JSON."""
    from flows.cut import cut as flow

    run_flow(flow, hits, folder, exact)


def _print_hits(hits: list[dict[str, Any]]) -> None:
    timed = any(hit["start_sec"] is not None for hit in hits)
    table = Table("#", "score", "video", *(("from", "to") if timed else ()), "caption", "uri")
    for hit in hits:
        video, *names = (escape(hit[key] or "") for key in ("video_id", "caption", "uri"))
        times = [format_seconds(hit[key]) for key in ("start_sec", "end_sec")] if timed else []
        table.add_row(str(hit["rank"]), f"{hit['score']:.3f}", video, *times, *names)
    out().print(table)
