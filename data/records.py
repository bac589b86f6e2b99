"""The records that travel between stages."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One row as a source gave it, before anything was checked; `line` counts from 0."""

    line: int
    id: str | None
    uri: str | None
    caption: str | None
    columns: dict[str, object]


@dataclass(frozen=True, slots=True)
class Video:
    """A video to work on: the user's id, where it lies, the identity of its bytes, its seconds."""

    id: str
    uri: str
    content: str
    duration: float | None = None


@dataclass(frozen=True, slots=True)
class Probe:
    """What a container says of its best video stream, and the identity of the file's bytes.

    `width` and `height` are those of the displayed picture (rotation and sample aspect applied);
    `duration` is in seconds and None where neither the container nor the stream knows it.
    """

    bytes: int
    content: str
    duration: float | None
    fps: float | None
    width: int
    height: int
    codec: str
    rotation: int


@dataclass(frozen=True, slots=True)
class Prompt:
    """A text to search with; `image` is the first frame, for models that start from one.

    `where` is a condition on the videos that this prompt may find, on top of the search's own.
    """

    id: str
    text: str
    image: str | None = None
    where: str | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """One retrieved video; `rank` counts from 1, `score` is a cosine similarity."""

    prompt_id: str
    prompt: str
    rank: int
    video_id: str
    score: float
    uri: str
    caption: str | None


@dataclass(frozen=True, slots=True)
class Source:
    """A retrieved clip that a video is conditioned on."""

    rank: int
    video_id: str
    content: str
    score: float
    uri: str
    caption: str | None = None
    duration: float | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One video to generate. `seed` hangs on the prompt's text and the sample, on no position."""

    id: str
    prompt_id: str
    prompt: str
    sample: int
    seed: int
    sources: tuple[Source, ...] = ()
    image: str | None = None


@dataclass(frozen=True, slots=True)
class Used:
    """What a generated video owes to a clip: the window from `start_s` on, and its weight."""

    source: Source
    start_s: float
    weight: float
