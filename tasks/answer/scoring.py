"""Accuracies of runs of answers that are in the store, and the published files of their answers."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from data.errors import UserError
from data.runs.answering import read_run, read_run_answers, read_run_questions
from data.runs.answers import Answer
from data.runs.questions import Question, digest_questions
from data.store.storage import Store
from engines.answer.plugins import read_questions
from engines.evaluate.answers.accuracy import Accuracies, measure_accuracies
from engines.evaluate.answers.exports import export_answers
from engines.evaluate.answers.official import PARSERS
from engines.evaluate.answers.verdicts import ParserName, Verdict, judge_answers
from tasks.prompt_files import read_rows


@dataclass(frozen=True)
class JudgedRun:
    """A run of answers, its questions, and a verdict for each."""

    record: dict[str, Any]
    questions: list[Question]
    answers: dict[str, Answer]
    verdicts: list[Verdict]

    @property
    def accuracies(self) -> Accuracies:
        """Overall and by group."""
        return measure_accuracies(self.verdicts)


def judge_run(store: Store, run: str, parser: ParserName = "strict") -> JudgedRun:
    """Judges a complete run; a UserError where its layout has no script of its own to go by."""
    record = read_run(store, run)
    if parser == "official" and record["layout"] not in PARSERS:
        known = ", ".join(PARSERS)
        raise UserError(
            f"questions of layout {record['layout']} have no official parser: it is for {known}"
        )
    questions = read_run_questions(store, run)
    answers = {answer.question: answer for answer in read_run_answers(store, run)}
    verdicts = judge_answers(questions, answers, parser, record["layout"])
    return JudgedRun(record, questions, answers, verdicts)


def summarize_scores(judged: JudgedRun, parser: ParserName) -> dict[str, Any]:
    """The accuracies of a run as its JSON has them."""
    found = judged.accuracies
    return {
        "run": judged.record["run"], "model": judged.record["model"], "parser": parser,
        "layout": judged.record["layout"], "questions": len(judged.questions),
        "micro": asdict(found.micro), "macro": found.macro,
        "groups": [asdict(each) for each in found.groups],
    }  # fmt: skip


def write_published(judged: JudgedRun, file: Path) -> None:
    """Writes the file that the benchmark's own script would have written of these answers."""
    layout = judged.record["layout"]
    if layout not in PARSERS:
        raise UserError(f"no script writes answers to questions of layout {layout}")
    # Only Video-MME's script writes the questions' own file back.
    rows = _read_source(judged) if layout == "video-mme" else []
    content = export_answers(layout, rows, judged.questions, judged.answers)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def _read_source(judged: JudgedRun) -> list[dict[str, Any]]:
    """The rows of the questions' own file; a UserError where its questions are others by now."""
    layout, source = judged.record["layout"], judged.record["source"]
    rows = read_rows(source)
    # Replies are filled in by place: of other questions they would be anybody's.
    if digest_questions(read_questions(layout, rows)) != digest_questions(judged.questions):
        raise UserError(f"{source} has changed since it was answered: put the old file back")
    return rows
