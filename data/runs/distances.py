"""Distances in the store: which clips they compare, and the clips' features."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa

from data.outcome import MACHINE_REASONS, Failed
from data.shards.lists import list_done
from data.shards.receipts import read_receipt
from data.store import layout, tables
from data.store.storage import Store

TRANSIENT = ("missing", *MACHINE_REASONS)  # failures that another run may not meet

CLIPS = pa.schema(
    {
        "set": pa.string(),  # real or generated
        "id": pa.string(),
        "uri": pa.string(),
        "content": pa.string(),
        "start": pa.int64(),
        "fps": pa.float64(),
        "reason": pa.string(),
        "detail": pa.string(),
    }
)


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip of a video: the user's id, where it lies, its digest, its rate, its first frame.

    `start` counts frames of the video, or of the rate that the spec resamples to.
    """

    name: str
    uri: str
    content: str
    fps: float
    start: int

    @property
    def id(self) -> str:
        """What its feature is stored under: equal clips share one."""
        return f"{self.content}@{self.start}"


@dataclass(frozen=True, slots=True)
class ClipSet:
    """The clips of one side, in the order in which the seed drew them, and what could not be used.

    `available` is how many videos there were to draw from.
    """

    source: str
    clips: tuple[Clip, ...]
    failed: tuple[Failed, ...]
    available: int


def features_schema(dim: int) -> pa.Schema:
    """A row for each of a clip's features, in order, float32 as the extractor gave it."""
    return pa.schema({"id": pa.string(), "vector": pa.list_(pa.float32(), dim)})


def read_clip(payload: dict[str, Any]) -> Clip:
    """An item of a shard's list, from its JSON object."""
    return Clip(**payload)


def read_answers(store: Store, folder: str) -> dict[str, Failed | None]:
    """What finished shards say of every clip, by id: None where its feature is there."""
    return {
        row["id"]: Failed(row["id"], row["reason"], row["detail"]) if row["reason"] else None
        for shard in list_done(store, folder)
        for row in read_receipt(store, folder, shard).rows
    }


def read_features(store: Store, folder: str, ids: Iterable[str]) -> dict[str, np.ndarray]:
    """The features (rows, dim) float32 of these clips, by id, as far as they are there."""
    wanted, features = set(ids), dict[str, np.ndarray]()
    for shard in list_done(store, folder):
        name = layout.shard_file(folder, shard)
        # Equal clips occur in several shards; once all are found no further file is read.
        if not wanted - features.keys() or not store.exists(name):
            continue
        table = tables.read_table(store, name)
        column = table.column("vector").combine_chunks()
        # One flat buffer, reshaped: lists of Python floats would take more memory.
        rows = column.flatten().to_numpy().reshape(len(table), -1)
        place = 0
        for id, group in groupby(table.column("id").to_pylist()):  # a clip's rows are neighbours
            count = len(list(group))
            if id in wanted:
                features[id] = rows[place : place + count]
            place += count
    return features
