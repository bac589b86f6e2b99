"""Writes answers as files that other tools read."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import UserError
from data.runs.answers import ANSWERS, Answer
from data.runs.questions import QUESTIONS, Question

ASKED = ("text", "options", "gold", "domain", "sub_domain", "task_type", "duration_group", "note")


def export_answers(answers: Sequence[Answer], questions: Sequence[Question], file: str) -> None:
    """Writes a row for each question with its answer, to a file as `check_file` has it."""
    rows = [
        _join_row(question, answer) for question, answer in zip(questions, answers, strict=True)
    ]
    path = Path(file)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        schema = pa.schema([*ANSWERS, *(QUESTIONS.field(name) for name in ASKED)])
        pq.write_table(pa.Table.from_pylist(rows, schema), path)
    else:
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def check_file(file: str | None) -> None:
    """A UserError for a kind of file that answers are not written as: said before any is paid."""
    if file is not None and Path(file).suffix not in (".parquet", ".jsonl"):
        raise UserError(f"answers are written as .parquet or .jsonl, not as {file}")


def _join_row(question: Question, answer: Answer) -> dict[str, Any]:
    fields = asdict(question)
    return answer.to_row() | {name: fields[name] for name in ASKED}
