"""The panel "Texts": what is said, written and shown in videos."""

from typing import Annotated

from data.errors import UserError
from data.specs.annotate import SPECS, ScreenSpec, SpeechSpec
from flows.cli.app import open_panel
from flows.cli.console import escape, live, out, print_summary
from flows.cli.failed import print_corpus_failures
from flows.cli.options import Corpus, Root, Runner, Workers, opt
from flows.cli.spec_options import Fields, SpecOptions, add_options, build_spec, option

SPEECH = SpecOptions(
    SpeechSpec(), option("weights", "--speech-model"), "language", "precision", "beam", "no_speech",
    "log_probability", "compression", "shortest_s", "longest_s", panel="Speech",
)  # fmt: skip
SCREEN = SpecOptions(
    ScreenSpec(), option("fps", "--screen-fps"), "change", "confidence", option("shortest"),
    "alike", "absent_s", panel="Screen",
)  # fmt: skip

command = open_panel("Texts")


@command()
@add_options(speech=SPEECH, screen=SCREEN)
def annotate(
    corpus: Corpus,
    speech: Fields,
    screen: Fields,
    kinds: Annotated[
        str, opt("--with", f"Texts to find, of {', '.join(SPECS)}; with commas between.")
    ] = "speech,screen",
    workers: Workers = None, runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Find what is said and written in videos, and when; each video is looked through once.

    Without options for a model, the corpus's current ones are used.
    """
    from flows.annotate import annotate as flow

    with live():
        summaries = flow(
            corpus, parse_kinds(kinds),
            speech=build_spec(SpeechSpec(), speech) if speech else None,
            screen=build_spec(ScreenSpec(), screen) if screen else None,
        )  # fmt: skip
    for kind, summary in summaries.items():
        out().print(f"[bold]{escape(kind)}[/bold]")
        print_summary(summary)
    print_corpus_failures(corpus, summaries)


def parse_kinds(kinds: str) -> list[str]:
    """The kinds of `speech,screen`; a UserError for one that there is not."""
    wanted = [kind.strip() for kind in kinds.split(",") if kind.strip()]
    unknown = [kind for kind in wanted if kind not in SPECS]
    if unknown or not wanted:
        raise UserError(f"no annotator {(unknown or [''])[0]!r}: there are {', '.join(SPECS)}")
    return wanted
