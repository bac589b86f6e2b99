"""The panel "Within videos": what is said, written and shown in videos."""

from dataclasses import asdict
from typing import Annotated, Any

from rich.table import Table

from data.errors import UserError
from data.specs.annotate import SPECS, CaptionsSpec, ObjectsSpec, ScreenSpec, SpeechSpec
from data.specs.encode import EncodeSpec
from data.specs.retrieve import RetrieveSpec
from data.timecode import format_seconds
from flows.cli.app import open_panel
from flows.cli.console import escape, live, out, print_result, print_summary
from flows.cli.failed import print_corpus_failures
from flows.cli.options import Corpus, Root, Runner, Workers, name_command, open_store, opt
from flows.cli.spec_options import Fields, SpecOptions, add_options, build_spec, option

SPEECH = SpecOptions(
    SpeechSpec(), option("weights", "--speech-model"), "language", "precision", "beam", "no_speech",
    "log_probability", "compression", "shortest_s", "longest_s", panel="Speech",
)  # fmt: skip
SCREEN = SpecOptions(
    ScreenSpec(), option("fps", "--screen-fps"), "change", "side", "confidence", "shortest",
    "alike", "absent_s", panel="Screen",
)  # fmt: skip

OBJECTS = SpecOptions(
    ObjectsSpec(), option("weights", "--detector"), option("labels", "--label"),
    option("fps", "--objects-fps"), option("change", "--objects-change"), "threshold", "overlap",
    "per_label", "per_frame", "parts", panel="Objects",
)  # fmt: skip
CAPTIONS = SpecOptions(
    CaptionsSpec(), option("model", "--captioner"), option("weights", "--captioner-weights"),
    "every_s", option("frames", "--captioner-frames"), option("side", "--captioner-side"),
    option("change", "--captions-change"), "motion", "most_tokens", panel="Captions",
)  # fmt: skip
ENCODE = SpecOptions(EncodeSpec(), "encoder", option("weights", "--encoder-weights"))

command = open_panel("Within videos")


@command()
@add_options(speech=SPEECH, screen=SCREEN, objects=OBJECTS, captions=CAPTIONS, encode=ENCODE)
def annotate(
    corpus: Corpus,
    speech: Fields,
    screen: Fields,
    objects: Fields,
    captions: Fields,
    encode: Fields,
    kinds: Annotated[
        str, opt("--with", f"Texts to find, of {', '.join(SPECS)}; with commas between.")
    ] = "speech,screen",
    workers: Workers = None, runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Find what is said, written and shown in videos, and when; each video is looked through once.

    Without options for a model, the corpus's current ones are used.
    """
    from flows.annotate import annotate as flow

    with live():
        summaries = flow(
            corpus, parse_kinds(kinds),
            speech=build_spec(SpeechSpec(), speech) if speech else None,
            screen=build_spec(ScreenSpec(), screen) if screen else None,
            objects=build_spec(ObjectsSpec(), objects) if objects else None,
            captions=build_spec(CaptionsSpec(), captions) if captions else None,
            encode=build_spec(EncodeSpec(), encode) if encode else None,
        )  # fmt: skip
    for kind, summary in summaries.items():
        out().print(f"[bold]{escape(kind)}[/bold]")
        print_summary(summary)
    print_corpus_failures(corpus, summaries)


def search_texts(corpus: str, query: str, kinds: str, spec: RetrieveSpec, as_json: bool) -> None:
    """Prints the moments in which such words were said or shown."""
    from tasks.retrieve.texts import TextSearcher

    searcher = TextSearcher(open_store(), corpus, parse_kinds(kinds))
    with out(err=True).status("searching"):  # loads a model
        wheres = (spec.where,) if spec.where is not None else ()
        hits = searcher.search(query, spec.k, wheres, spec.exclude)
    print_result([asdict(hit) for hit in hits], as_json, _print_moments)
    for where in searcher.unmatched:
        out(err=True).print(f"no video of {corpus} meets the condition {where}", markup=False)
    for line in searcher.unread.values():
        out(err=True).print(line, markup=False)
    if searcher.unencoded:
        fix = f"`{name_command('annotate', corpus, '--with', kinds)}` encodes them"
        said = f"{searcher.unencoded:,} texts are searched by words alone: {fix}"
        out(err=True).print(said, markup=False)


def _print_moments(hits: list[dict[str, Any]]) -> None:
    table = Table("#", "score", "video", "from", "to", "in", "text")
    for hit in hits:
        times = (format_seconds(hit[key]) for key in ("start_sec", "end_sec"))
        words = (escape(hit[key]) for key in ("kind", "text"))
        table.add_row(
            str(hit["rank"]), f"{hit['score']:.3f}", escape(hit["video_id"]), *times, *words
        )
    out().print(table)


def parse_kinds(kinds: str) -> list[str]:
    """The kinds of `speech,screen`; a UserError for one that there is not."""
    wanted = [kind.strip() for kind in kinds.split(",") if kind.strip()]
    unknown = [kind for kind in wanted if kind not in SPECS]
    if unknown or not wanted:
        raise UserError(f"no annotator {(unknown or [''])[0]!r}: there are {', '.join(SPECS)}")
    return wanted
