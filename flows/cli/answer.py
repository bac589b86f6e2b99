"""The panel "Within videos": questions about videos, answered from texts and frames."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from data.specs.answer import AnswerSpec
from flows.cli.answer_tables import print_answers, print_asked
from flows.cli.app import open_panel
from flows.cli.console import live, out, print_result
from flows.cli.options import AsJson, Corpus, Root, Runner, Workers, arg, open_store, opt
from flows.cli.spec_options import Fields, SpecOptions, add_options, build_spec, option
from flows.cli.texts import parse_kinds

KINDS = option(
    "kinds", "--kinds", parse=lambda text: tuple(parse_kinds(text)), default="speech,screen",
    help="Kinds of text to use, of those that the corpus has; with commas between.",
)  # fmt: skip
ANSWER = SpecOptions(
    AnswerSpec(), "model", "weights", "texts", KINDS,
    "rule", "threshold", "top", "budget", "frames", "sampling", "side", "detector", "keyframes",
    "rounds", "request_tokens", "answer_tokens", option("encode.encoder", "--encoder"),
    option("encode.weights", "--encoder-weights"),
)  # fmt: skip

ASK = SpecOptions(AnswerSpec(), "model", "weights", KINDS, "frames", "side")

command = open_panel("Within videos")


@command()
@add_options(fields=ANSWER)
def answer(
    questions: Annotated[
        str, arg("QUESTIONS", "File of questions: Parquet, CSV, JSON or JSON Lines.")
    ],
    fields: Fields,
    corpus: Annotated[
        str | None, opt("--corpus", "Corpus that has the videos and their texts.")
    ] = None,
    videos: Annotated[
        str | None, opt("--videos", "Folder of the videos, in place of a corpus; without texts.")
    ] = None,
    layout: Annotated[
        str, opt("--layout", "Layout of the file: table, or a benchmark's, such as video-mme.")
    ] = "table",
    file: Annotated[
        str | None, opt("--out", "File to write the answers to, .parquet or .jsonl.")
    ] = None,
    as_json: AsJson = False, workers: Workers = None, runner: Runner = None, root: Root = None,
) -> None:  # fmt: skip
    """Answer questions about videos from what is said, written and shown in them.

    Without --model, by similarity alone: the option whose words lie nearest to the texts found.
    """
    from flows.answer import answer as flow

    with live():
        summary = flow(questions, corpus, videos, layout, build_spec(AnswerSpec(), fields), file)
    print_result(summary, as_json, print_answers)


@command()
@add_options(fields=ASK)
def ask(
    corpus: Corpus,
    question: Annotated[str, arg("QUESTION", "What you want to know of the videos.")],
    fields: Fields,
    k: Annotated[int, opt("-k, --k", "Texts and moments to find, of each.", min=1)] = 5,
    page: Annotated[str | None, opt("--page", "Also write a page that plays them: .html.")] = None,
    as_json: AsJson = False, root: Root = None,
) -> None:  # fmt: skip
    """Ask a question of all videos of a corpus: an answer that cites video and time.

    Without --model, the ranked evidence: what was said, written or shown that answers it best.
    """
    from tasks.answer.ask import ask_corpus
    from tasks.browse.running import choose_embedder
    from tasks.report.ask import write_ask_page
    from tasks.retrieve.retriever import Retriever

    workspace = open_store()
    spec = build_spec(AnswerSpec(), fields)
    with out(err=True).status("searching"):  # loads models
        result = ask_corpus(
            workspace, corpus, question, k, spec,
            lambda: Retriever(workspace, corpus, choose_embedder(workspace)),
        )  # fmt: skip
    if page is not None:
        write_ask_page(corpus, result, Path(page))
    print_result(asdict(result), as_json, print_asked)
    if page is not None:
        out(err=True).print(f"written: {page}", markup=False)
