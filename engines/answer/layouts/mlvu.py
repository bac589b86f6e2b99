"""Multiple-choice questions of MLVU's development set (arXiv 2406.04264).

It has no ids: the published script joins a video and its question, and four such ids are of two
questions each. Sixteen questions have an option twice, six of them the right one.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from data.runs.questions import LETTERS, Question
from engines.answer.fields import describe_missing, read_options, read_text


def read_questions(rows: Sequence[Mapping[str, Any]]) -> Iterator[Question]:
    """A question for each row."""
    for row in rows:
        yield _read_row(row)


def _read_row(row: Mapping[str, Any]) -> Question:
    file, text, right = (read_text(row, name) for name in ("video", "question", "answer"))
    options = read_options(row.get("candidates"))
    same = [letter for letter, each in zip(LETTERS, options, strict=False) if each == right]
    # The published script takes the first of equal options for the only right one.
    notes = []
    if len(same) > 1:
        notes.append(f"{' and '.join(same)} are the same right option: each counts")
    elif len(set(options)) < len(options):
        notes.append("an option is there twice")
    defect = describe_missing(video=file, question=text)
    if right and not same:
        defect = defect or f"the answer {right!r} is none of its options"
    return Question(
        f"{file}_{text}", PurePosixPath(file).stem, text, options, same[0] if same else None,
        task_type=read_text(row, "question_type") or None, defect=defect, note="; ".join(notes),
    )  # fmt: skip
