"""What an answering worker is given of a video, and what it gives back."""

from dataclasses import dataclass, field

import numpy as np

from data.records import Video
from data.runs.answers import Answer
from data.runs.questions import Question
from data.specs.encode import EncodeSpec
from data.store.texts import StoredText


@dataclass(frozen=True, slots=True)
class TextPart:
    """Texts of one annotator, of the video with this id, with their vectors (n, dim) if stored.

    Vectors are of unit length. The encoder is that of the vectors, and of queries to them.
    """

    video: str
    encode: EncodeSpec
    texts: tuple[StoredText, ...]
    vectors: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class StoredFrames:
    """Frame vectors (n, dim) of unit length, and their `seconds` (n,)."""

    seconds: np.ndarray
    vectors: np.ndarray


@dataclass(frozen=True, slots=True)
class AnswerTask:
    """A video with all of its questions, its texts and its frame vectors.

    `lacks` are kinds of text for which nobody has looked through it.
    """

    id: str
    video: Video
    questions: tuple[Question, ...]
    parts: tuple[TextPart, ...] = ()
    frames: StoredFrames | None = None
    lacks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AnsweredVideo:
    """An answer to each question, in their order; seconds of reading, decoding and model."""

    answers: tuple[Answer, ...]
    seconds: dict[str, float] = field(default_factory=dict)
