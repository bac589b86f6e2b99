"""A benchmark's ground truth as vectors: one Parquet file per clip, in a folder of the store."""

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

PARTS_SCHEMA = pa.schema(
    {
        "clip": pa.string(),
        "kind": pa.string(),
        "tag": pa.string(),
        "n": pa.int32(),
        "vector": pa.list_(pa.float32()),
        "reason": pa.string(),
    }
)


# The outcome of each clip; `reason` is null if it succeeded.
CLIPS_SCHEMA = pa.schema({"clip": pa.string(), "reason": pa.string(), "detail": pa.string()})

CLIP_NAME = re.compile(r"[^./\\\0\n]{1,200}")  # the published clips are `videoNNNN`


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One part of a clip's ground truth: (n, d) float32 `vectors`, or the `reason` for none.

    `text` has one vector, `video` one per frame, `subject` and `object` one per cut-out, `face` one
    per crop. A `tag` is a subject or an object if a published file does not say which.
    """

    kind: Kind
    tag: str | None = None
    vectors: np.ndarray | None = None
    reason: str | None = None


def is_clip_name(clip: str) -> bool:
    """Whether a clip's name can be a folder's; other names could lead out of theirs."""
    return bool(CLIP_NAME.fullmatch(clip))


def clip_file(clip: str) -> str:
    """The name of a clip's file in its folder."""
    return f"{file_name(clip)}.parquet"


def write_clip_parts(store: Store, name: str, clip: str, parts: Iterable[Part]) -> None:
    """Writes the parts of a clip, a row per vector; a part without vectors is a row with a reason.

    Rows keep the order of the parts; the file appears whole or not at all.
    """
    rows = [row for part in parts for row in _part_rows(clip, part)]
    tables.write_rows(store, name, PARTS_SCHEMA, rows)


def read_clip_parts(store: Store, name: str, kinds: Sequence[Kind] = KINDS) -> list[Part]:
    """The parts of these kinds, as they were written; only their rows are read."""
    with store.open(name) as file:
        table = pq.read_table(file, schema=PARTS_SCHEMA, filters=[("kind", "in", list(kinds))])
    # Dicts keep the order in which parts were written.
    groups: dict[tuple[Kind, str | None, str | None], list[Any]] = {}
    for row in table.to_pylist():
        groups.setdefault((row["kind"], row["tag"], row["reason"]), []).append(row["vector"])
    return [
        Part(kind, tag, None if reason else np.array(vectors, np.float32), reason)
        for (kind, tag, reason), vectors in groups.items()
    ]


def write_clips(store: Store, name: str, outcomes: Iterable[Outcome]) -> list[dict[str, Any]]:
    """Writes the outcome of each clip as `CLIPS_SCHEMA`, in the order of their names; the rows."""
    rows = [
        {"clip": outcome.id, "reason": outcome.reason, "detail": outcome.detail[:500]}
        if isinstance(outcome, Failed)
        else {"clip": outcome.id, "reason": None, "detail": None}
        for outcome in sorted(outcomes, key=lambda outcome: outcome.id)
    ]
    tables.write_rows(store, name, CLIPS_SCHEMA, rows)
    return rows


def _part_rows(clip: str, part: Part) -> Iterable[dict[str, Any]]:
    row = {"clip": clip, "kind": part.kind, "tag": part.tag}
    if part.vectors is None:
        return [row | {"reason": part.reason}]
    return [row | {"n": n, "vector": vector} for n, vector in enumerate(part.vectors)]
