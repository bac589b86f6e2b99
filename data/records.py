"""The records that travel between stages."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a source, before any check; `line` counts from 0."""

    line: int
    # Sources may lack any of these: ingest decides what becomes of such a row.
    id: str | None
    uri: str | None
    caption: str | None
    columns: dict[str, object]


@dataclass(frozen=True, slots=True)
class Video:
    """A video to process: the user's id, its location, the identity of its bytes, its seconds.

    `content` identifies the bytes ("sha256:…"), so copies under other ids are processed once.
    `bytes` and `stamp` are the file's as ingest found it, where known: decoding checks them.
    """

    id: str
    uri: str
    content: str
    duration: float | None = None
    bytes: int | None = None
    stamp: str | None = None


@dataclass(frozen=True, slots=True)
class Probe:
    """The properties of a container's best video stream, and the identity of the file's bytes.

    `width` and `height` are those of the displayed picture (rotation and sample aspect applied);
    `duration` is in seconds, None if neither the container nor the stream records it.
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
    """A text to search with; `image` is a first frame, for models that start from one.

    `where` is a condition on the videos that this prompt may retrieve, on top of the search's own.
    `columns` are the other columns of its row in the prompt file, for metrics and pages.
    """

    id: str
    text: str
    image: str | None = None
    where: str | None = None
    columns: dict[str, str] = field(default_factory=dict, hash=False)  # a dict has no hash

    def find_value(self, column: str) -> str | None:
        """The value of a column, whose name SQL knows in capitals and small letters alike."""
        if column in self.columns:
            return self.columns[column]
        small = column.lower()
        return next((value for name, value in self.columns.items() if name.lower() == small), None)


@dataclass(frozen=True, slots=True)
class Query:
    """What an index is searched for: a text, or a video of the corpus, which never finds itself.

    `text` is how hits name the query: the prompt's text, or the video's id.
    """

    id: str
    text: str
    where: str | None = None
    video: str | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """One retrieved video; `rank` counts from 1, `score` is a cosine similarity.

    Of a moment, `start_sec` and `end_sec` are its seconds within the video. `excluded` counts the
    better videos that were left out for this query: its own video and the relatives of that.
    """

    prompt_id: str
    prompt: str
    rank: int
    video_id: str
    score: float
    uri: str
    caption: str | None
    start_sec: float | None = None
    end_sec: float | None = None
    excluded: int | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A retrieved clip that a video is conditioned on; of a moment, only its seconds are used."""

    rank: int
    video_id: str
    content: str
    score: float
    uri: str
    caption: str | None = None
    duration: float | None = None
    fps: float | None = None  # known only where the spec goes by it
    start_sec: float | None = None
    end_sec: float | None = None
    excluded: int | None = None  # better clips that were left out


@dataclass(frozen=True, slots=True)
class Request:
    """One video to generate.

    `seed` follows from the prompt's text and the sample's number, never from a position in a file:
    reordering prompts changes no video.
    """

    id: str
    prompt_id: str
    prompt: str
    sample: int
    seed: int
    sources: tuple[Source, ...] = ()
    image: str | None = None


@dataclass(frozen=True, slots=True)
class UsedClip:
    """A clip that a generated video used: its window from `start_s` on, and its weight."""

    source: Source
    start_s: float
    weight: float
