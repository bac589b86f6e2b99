"""The table of a video's texts, one file a shard: what was said, written or seen, and when.

A video without a text has one row, whose `result` says why and whose `text` is null.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

import pyarrow as pa

from data.store import tables
from data.store.storage import Store

FOUND = "text"  # the result of a row that has one

TEXTS = pa.schema(
    {
        "video_id": pa.string(),
        "content": pa.string(),
        "kind": pa.string(),
        "start": pa.float64(),
        "end": pa.float64(),
        "text": pa.string(),
        "score": pa.float32(),
        "language": pa.string(),
        "box": pa.list_(pa.int16()),
        "result": pa.string(),
        "record": pa.string(),
    }
)


@dataclass(frozen=True, slots=True)
class Text:
    """One text of a video, from `start` to `end` seconds after its first frame.

    `score` is the model's own, 0-1. `box` is left, top, right and bottom in thousandths of the
    picture. `record` is what the model gave beside it, as JSON.
    """

    start: float
    end: float
    text: str
    score: float | None = None
    language: str | None = None
    box: tuple[int, int, int, int] | None = None
    record: str = "{}"


@dataclass(frozen=True, slots=True)
class Annotation:
    """All texts of a video; `result` says why there are none. Seconds are of decoding and model."""

    texts: tuple[Text, ...]
    result: str = FOUND
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredText:
    """A text with the content that it is of, and the kind of annotator that found it."""

    content: str
    kind: str
    start: float
    end: float
    text: str


def to_rows(video_id: str, content: str, kind: str, annotation: Annotation) -> pa.Table:
    """The rows of a video."""
    same = {"video_id": video_id, "content": content, "kind": kind, "result": annotation.result}
    rows = [asdict(text) | same for text in annotation.texts] or [same]
    return pa.Table.from_pylist(rows, TEXTS)


def read_texts(store: Store, name: str) -> Iterator[StoredText]:
    """The texts of a shard's file, in its order; videos without any are left out."""
    columns = ["content", "kind", "start", "end", "text"]
    for batch in tables.iter_batches(store, name):
        for row in batch.select(columns).to_pylist():
            if row["text"] is not None:
                yield StoredText(**row)


def explain_broken(name: str, error: Exception) -> str:
    """What is wrong with a shard's file that cannot be read, and what to do."""
    first = str(error).splitlines()[0]
    return f"corrupt texts {name}: {first}; delete its receipt and run annotate again to repair"
