"""Questions of Video-MME (arXiv 2405.21075): its JSON, a row a video, and its Parquet, a row each.

An older release names its fields otherwise.
Licensed for academic use only, and so not part of this project.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qs, urlsplit

from data.runs.questions import LETTERS, Question
from engines.answer.fields import describe_missing, read_options, read_text

_LETTERED = re.compile(r"\s*\(?([A-Z])[.):]\s*(.*)", re.DOTALL)


def read_questions(rows: Sequence[Mapping[str, Any]]) -> Iterator[Question]:
    """The questions of each video, in the file's order."""
    for line, row in enumerate(rows, start=1):
        of_video = row.get("questions")
        listed = of_video if isinstance(of_video, list) else [row]
        for number, each in enumerate(listed, start=1):
            name = f"row-{line}-{number}"
            if isinstance(each, Mapping):
                yield _read_question(name, {**row, **each})
            else:
                yield Question(name, find_video(row), "", defect="a question is not an object")


def _read_question(name: str, row: Mapping[str, Any]) -> Question:
    options, note = strip_letters(read_options(row.get("options", row.get("choices"))))
    gold, video = read_text(row, "answer").upper() or None, find_video(row)
    text = read_text(row, "question")
    defect = describe_missing(video=video, question=text)
    if gold and gold not in LETTERS[: len(options)]:
        gold, defect = None, defect or f"the answer {gold!r} is none of its options"
    return Question(
        read_text(row, "question_id") or name, video, text, options, gold,
        read_text(row, "domain", "video_category") or None,
        read_text(row, "sub_category", "video_subcategory") or None,
        read_text(row, "task_type") or None,
        read_text(row, "duration", "duration_category") or None, defect, note,
    )  # fmt: skip


def find_video(row: Mapping[str, Any]) -> str:
    """The name of the video's file: YouTube's id, which is in the address, too."""
    if named := read_text(row, "videoID"):
        return named
    address = urlsplit(read_text(row, "url"))
    watched = parse_qs(address.query).get("v")
    return watched[0] if watched else PurePosixPath(address.path).name


def strip_letters(options: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """Options without their letters, and a note where only some have the letter of their place."""
    parts = [_LETTERED.fullmatch(option) for option in options]
    fit = [bool(p and p[1] == letter) for p, letter in zip(parts, LETTERS, strict=False)]
    texts = tuple(p[2].strip() if p else o.strip() for p, o in zip(parts, options, strict=True))
    if all(fit) and len(fit) == len(options):
        return texts, ""
    note = "options are not lettered in order, and kept as they are" if any(fit) else ""
    return tuple(option.strip() for option in options), note
