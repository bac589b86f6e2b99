"""Tables of answers, for the panel "Answers"."""

from typing import Any

from rich.table import Table

from data.timecode import format_seconds
from flows.cli.console import escape, out, print_summary
from flows.cli.failed import print_failed
from flows.cli.options import open_store


def print_answers(summary: dict[str, Any]) -> None:
    """Prints a run's figures, its accuracy with the denominator, and the first that failed."""
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


def print_asked(result: dict[str, Any]) -> None:
    """Prints the claims of an answer with what they cite, then the evidence."""
    for claim in result["claims"]:
        cites = "".join(f" [bold]\\[{number}][/bold]" for number in claim["cites"])
        out().print(escape(claim["text"]) + (cites or " [yellow](cites nothing)[/yellow]"))
    if result["reply"] is None:
        out().print("No language model was asked: this is the evidence, best first.")
    table = Table("#", "video", "from", "to", "in", "text")
    for number, found in enumerate(result["found"], start=1):
        each = found["evidence"]
        times = (format_seconds(each[key]) for key in ("start", "end"))
        words = (escape(each[key]) for key in ("kind", "text"))
        table.add_row(str(number), escape(each["video"]), *times, *words)
    out().print(table if result["found"] else "nothing was found")
