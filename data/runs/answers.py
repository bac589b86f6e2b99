"""Answers to questions about videos, with the evidence that each was given."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import pyarrow as pa

from data.outcome import Reason

EVIDENCE = pa.struct(
    {
        "kind": pa.string(),
        "start": pa.float64(),
        "end": pa.float64(),
        "text": pa.string(),
        "score": pa.float32(),
        "video": pa.string(),
    }
)

ANSWERS = pa.schema(
    {
        "question": pa.string(),
        "video": pa.string(),
        "content": pa.string(),
        "answer": pa.string(),  # an option's letter, or free text; null: none could be read
        "reply": pa.string(),  # the model's own words
        "scores": pa.list_(pa.float32()),  # of the options, in their order
        "evidence": pa.list_(EVIDENCE),
        "request": pa.string(),  # JSON: what the model asked for before it answered
        "parse": pa.string(),  # of the request: ok, repaired, failed; null: none was made
        "frames": pa.list_(pa.float64()),  # seconds of those that the model saw
        "prompt_tokens": pa.int64(),
        "reply_tokens": pa.int64(),
        "seconds": pa.float64(),
        "prompt": pa.string(),  # digest of all that the model was sent
        "reason": pa.string(),  # why there is no answer; null where there is one
        "detail": pa.string(),
        "chosen_by": pa.string(),  # reply or scores: how an option's letter was found
    }
)

Parse = Literal["ok", "repaired", "failed"]
ChosenBy = Literal["reply", "scores"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an answer goes by: a text, or a frame (`kind` "frame"), from start to end seconds.

    `score` is its cosine with the question; None where nothing was compared. `video` is the id of
    the video that it is of.
    """

    kind: str
    start: float
    end: float
    text: str
    score: float | None
    video: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A row of `ANSWERS`: one for each question, also where there is no answer.

    A failed question has a `reason`, as in data.outcome. A reply that names no option, of a
    model without scores, has neither answer nor reason: both count as wrong.
    """

    question: str
    video: str
    content: str = ""
    answer: str | None = None
    reply: str = ""
    scores: tuple[float, ...] | None = None
    evidence: tuple[Evidence, ...] = ()
    request: str | None = None
    parse: Parse | None = None
    frames: tuple[float, ...] = ()
    prompt_tokens: int | None = None
    reply_tokens: int | None = None
    seconds: float = 0.0
    prompt: str | None = None
    reason: Reason | None = None
    detail: str = ""
    chosen_by: ChosenBy | None = None

    def to_row(self) -> dict[str, Any]:
        """The answer as `ANSWERS` has it."""
        return asdict(self)


def read_answer(row: dict[str, Any]) -> Answer:
    """An answer from its row."""
    scores = row["scores"]
    return Answer(
        **row
        | {
            "scores": None if scores is None else tuple(scores),
            "evidence": tuple(Evidence(**each) for each in row["evidence"]),
            "frames": tuple(row["frames"]),
        }
    )
