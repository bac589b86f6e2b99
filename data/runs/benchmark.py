"""What a benchmark knows of its clips, as vectors: one Parquet file a clip in a folder of ours."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.ids import file_name
from data.outcome import Failed, Outcome
from data.store import tables
from data.store.storage import Store

Kind = Literal["text", "video", "subject", "object", "tag", "face"]
KINDS: tuple[Kind, ...] = ("text", "video", "subject", "object", "tag", "face")

KNOWN = pa.schema(
    {
        "clip": pa.string(),
        "kind": pa.string(),
        "tag": pa.string(),
        "n": pa.int32(),
        "vector": pa.list_(pa.float32()),
        "reason": pa.string(),
    }
)


# What came of each clip: no reason where it went through.
CLIPS = pa.schema({"clip": pa.string(), "reason": pa.string(), "detail": pa.string()})

CLIP = re.compile(r"[^./\\\0\n]{1,200}")  # the published clips are `videoNNNN`


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One thing that is known of a clip: (n, d) float32 `vectors`, or the `reason` for none.

    `text` has one vector, `video` one a frame, `subject` and `object` one a cut-out, `face` one a
    crop. A `tag` is a subject or an object where a published file does not say which.
    """

    kind: Kind
    tag: str | None = None
    vectors: np.ndarray | None = None
    reason: str | None = None


def is_name(clip: str) -> bool:
    """Whether a clip's name can be a folder's; others could lead out of it."""
    return bool(CLIP.fullmatch(clip))


def known_file(clip: str) -> str:
    """The name of a clip's file in its folder."""
    return f"{file_name(clip)}.parquet"


def write_known(store: Store, name: str, clip: str, parts: Iterable[Part]) -> None:
    """Writes the parts of a clip, one row a vector; a part without vectors is a row that says why.

    Rows keep the order of the parts; the file appears whole or not at all.
    """
    rows = [row for part in parts for row in _rows(clip, part)]
    tables.write(store, name, KNOWN, rows)


def read_known(store: Store, name: str, kinds: Sequence[Kind] = KINDS) -> list[Part]:
    """The parts of these kinds, as they were written; only their rows are read."""
    with store.open(name) as file:
        table = pq.read_table(file, schema=KNOWN, filters=[("kind", "in", list(kinds))])
    found: dict[tuple[Kind, str | None, str | None], list[Any]] = {}
    for row in table.to_pylist():
        found.setdefault((row["kind"], row["tag"], row["reason"]), []).append(row["vector"])
    return [
        Part(kind, tag, None if reason else np.array(vectors, np.float32), reason)
        for (kind, tag, reason), vectors in found.items()
    ]


def write_clips(store: Store, name: str, outcomes: Iterable[Outcome]) -> list[dict[str, Any]]:
    """Writes what came of each clip as `CLIPS`, in the order of their names; the rows."""
    rows = [
        {"clip": each.id, "reason": each.reason, "detail": each.detail[:500]}
        if isinstance(each, Failed)
        else {"clip": each.id, "reason": None, "detail": None}
        for each in sorted(outcomes, key=lambda each: each.id)
    ]
    tables.write(store, name, CLIPS, rows)
    return rows


def _rows(clip: str, part: Part) -> Iterable[dict[str, Any]]:
    said = {"clip": clip, "kind": part.kind, "tag": part.tag}
    if part.vectors is None:
        return [said | {"reason": part.reason}]
    return [said | {"n": n, "vector": vector} for n, vector in enumerate(part.vectors)]
