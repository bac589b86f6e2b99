"""The panel "Answers": questions about videos, answered from texts and frames."""

from typing import Annotated, Any

from data.specs.answer import AnswerSpec
from flows.cli.app import open_panel
from flows.cli.console import escape, live, out, print_result, print_summary
from flows.cli.failed import print_failed
from flows.cli.options import AsJson, Root, Runner, Workers, arg, open_store, opt
from flows.cli.spec_options import Fields, SpecOptions, add_options, build_spec, option
from flows.cli.texts import parse_kinds

ANSWER = SpecOptions(
    AnswerSpec(), "model", "weights", "texts",
    option("kinds", "--kinds", parse=lambda text: tuple(parse_kinds(text)),
           help="Kinds of text to use, of those that the corpus has; with commas between."),
    "rule", "threshold", "top", "budget", "frames", "sampling", "side", "rounds", "request_tokens",
    "answer_tokens", option("encode.encoder", "--encoder"),
    option("encode.weights", "--encoder-weights"),
)  # fmt: skip

command = open_panel("Answers")


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
    print_result(summary, as_json, _print_answers)


def _print_answers(summary: dict[str, Any]) -> None:
    from data.runs.answering import read_run_answers
    from tasks.answer.summary import describe_accuracy

    shown = ("run", "model", "questions", "videos", "answered", "unread", "failed", "file")
    print_summary({key: summary[key] for key in shown if key in summary})
    if line := describe_accuracy(summary):
        out().print(escape(line))
    if summary["failed"]:
        rows = (
            {"question": each.question, "reason": each.reason, "detail": each.detail}
            for each in read_run_answers(open_store().store, summary["run"])
        )
        print_failed(rows, "question", "the rows with a reason, written by --out FILE.jsonl")
