"""Questions of LongVideoBench (arXiv 2407.15754): validation, and the test set without answers."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from data.runs.questions import LETTERS, Question
from engines.answer.fields import describe_missing, read_options, read_text

# Its Parquet has a column for each option, and this where there are fewer than five.
ABSENT = "N/A"


def read_questions(rows: Sequence[Mapping[str, Any]]) -> Iterator[Question]:
    """A question for each row."""
    for line, row in enumerate(rows, start=1):
        yield _read_row(line, row)


def _read_row(line: int, row: Mapping[str, Any]) -> Question:
    options, text = _list_options(row), read_text(row, "question")
    video = PurePosixPath(read_text(row, "video_path")).stem or read_text(row, "video_id")
    gold, defect = _find_gold(read_text(row, "correct_choice"), options)
    defect = describe_missing(video=video, question=text) or defect
    return Question(
        read_text(row, "id") or f"row-{line}", video, text, options, gold,
        read_text(row, "topic_category") or None, None,
        read_text(row, "question_category") or None, read_text(row, "duration_group") or None,
        defect,
    )  # fmt: skip


def _find_gold(choice: str, options: Sequence[str]) -> tuple[str | None, str]:
    """The right option's letter, and a defect; the test set says nothing, or -1."""
    if choice in ("", "-1"):
        return None, ""
    if choice.isdecimal() and int(choice) < len(options):
        return LETTERS[int(choice)], ""
    return None, f"the answer is option {choice!r} of {len(options)}, counted from 0"


def _list_options(row: Mapping[str, Any]) -> tuple[str, ...]:
    if row.get("candidates") is not None:
        return read_options(row["candidates"])
    # Its Parquet spreads the options over columns.
    columns = (read_text(row, f"option{n}") for n in range(5))
    return tuple(each for each in columns if each not in ("", ABSENT))
