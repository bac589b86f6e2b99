"""A plain table of questions: a row each, with columns that are named as a question's fields."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from data.runs.questions import LETTERS, Question

NAMES = {
    "id": ("id", "question_id"),
    "video": ("video", "video_id"),
    "text": ("question", "text"),
    "gold": ("answer", "gold"),
}


def read_questions(rows: Sequence[Mapping[str, Any]]) -> Iterator[Question]:
    """A question for each row, with a defect where it lacks something."""
    for line, row in enumerate(rows, start=1):
        yield _read_row(line, row)


def _read_row(line: int, row: Mapping[str, Any]) -> Question:
    found = {field: _find(row, names) for field, names in NAMES.items()}
    options = _read_options(row)
    missing = [field for field in ("video", "text") if not found[field]]
    gold, defect = found["gold"] or None, f"no {' and no '.join(missing)}" if missing else ""
    if gold and options:
        gold = _to_letter(gold, options)
        defect = defect or ("" if gold else f"the answer {found['gold']!r} is none of its options")
    return Question(
        found["id"] or f"row-{line}", found["video"], found["text"], options, gold,
        _find(row, ("domain",)) or None, _find(row, ("sub_domain", "sub_category")) or None,
        _find(row, ("task_type", "question_type")) or None,
        _find(row, ("duration_group", "duration")) or None, defect,
    )  # fmt: skip


def _find(row: Mapping[str, Any], names: Sequence[str]) -> str:
    """The first of these columns that says something, as text."""
    values = (str(row[name]).strip() for name in names if row.get(name) is not None)
    return next(filter(None, values), "")


def _read_options(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The column `options`, a list or lines of text; else the columns A, B, C and so on."""
    options = row.get("options")
    if isinstance(options, str):
        options = options.splitlines()
    if options is None:
        lettered = (row.get(letter) for letter in LETTERS)
        options = [each for each in lettered if each is not None]
    return tuple(str(each).strip() for each in options)


def _to_letter(gold: str, options: Sequence[str]) -> str | None:
    """The letter of the right option, named by its letter or by its text."""
    letters = LETTERS[: len(options)]
    if len(gold) == 1 and gold.upper() in letters:
        return gold.upper()
    return next((a for a, option in zip(letters, options, strict=False) if option == gold), None)
