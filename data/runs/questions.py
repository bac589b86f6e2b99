"""Questions about videos, as every layout of a benchmark is read to."""

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

import pyarrow as pa

from data.records import Video
from data.stamps import hash_json

LETTERS = ascii_uppercase  # of options, in their order: no more of them have a name


@dataclass(frozen=True, slots=True)
class Question:
    """One question about one video; `id` is unique in its file.

    `video` is the video's id in a corpus, or its file's name without the ending. `options` are
    texts without their letters; without any, the answer is free text. `gold` is the right option's
    letter, or a text; None where it is not known. `defect` says why the question cannot be
    answered, `note` what its reader had to put right.
    """

    id: str
    video: str
    text: str
    options: tuple[str, ...] = ()
    gold: str | None = None
    domain: str | None = None
    sub_domain: str | None = None
    task_type: str | None = None
    duration_group: str | None = None
    defect: str = ""
    note: str = ""

    @property
    def letters(self) -> str:
        """The letters of the options."""
        return LETTERS[: len(self.options)]


def read_question(payload: dict[str, Any]) -> Question:
    """A question from its JSON object."""
    return Question(**payload | {"options": tuple(payload["options"])})


@dataclass(frozen=True, slots=True)
class VideoQuestions:
    """Questions about one video, whose id this is; `video` has no URI where there is none."""

    id: str
    video: Video
    questions: tuple[Question, ...]


def read_video_questions(payload: dict[str, Any]) -> VideoQuestions:
    """An item of a shard's list, from its JSON object."""
    questions = tuple(read_question(each) for each in payload["questions"])
    return VideoQuestions(payload["id"], Video(**payload["video"]), questions)


def digest_questions(questions: Sequence[Question]) -> str:
    """A digest of all that changes an answer or what it is counted under."""
    names = [field for field in Question.__dataclass_fields__ if field != "note"]
    return hash_json([[getattr(each, name) for name in names] for each in questions])


QUESTIONS = pa.schema(
    {
        "id": pa.string(),
        "video": pa.string(),
        "text": pa.string(),
        "options": pa.list_(pa.string()),
        "gold": pa.string(),
        "domain": pa.string(),
        "sub_domain": pa.string(),
        "task_type": pa.string(),
        "duration_group": pa.string(),
        "defect": pa.string(),
        "note": pa.string(),
    }
)
