"""Distances in the store: which clips they compare, and the clips' features."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa

from data.outcome import Failed
from data.shards.lists import names
from data.store import layout, tables
from data.store.storage import Store

TRANSIENT = ("missing", "timeout", "crashed")  # failures that another run may not meet

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


@dataclass(frozen=True, slots=True)
class Portion:
    """A shard: clips whose features one task makes."""

    id: str
    attempt: int
    clips: tuple[Clip, ...]


def features(dim: int) -> pa.Schema:
    """One feature per clip, float32 as the extractor gave it."""
    return pa.schema({"id": pa.string(), "vector": pa.list_(pa.float32(), dim)})


def write_portion(store: Store, folder: str, portion: Portion) -> None:
    """Writes the list of a shard's clips."""
    store.write(layout.shard_list(folder, portion.id), json.dumps(asdict(portion)).encode())


def read_portion(store: Store, folder: str, shard: str) -> Portion:
    """The list as it was written."""
    said = json.loads(store.read(layout.shard_list(folder, shard)))
    return Portion(said["id"], said["attempt"], tuple(Clip(**clip) for clip in said["clips"]))


def settled(store: Store, folder: str) -> dict[str, Failed | None]:
    """Every clip that a finished shard answered for, by id: None where its feature is there.

    Failures that another run may not meet are left out.
    """
    found: dict[str, Failed | None] = {}
    for shard in names(store, folder, "receipts"):
        said = json.loads(store.read(layout.receipt(folder, shard)))
        found |= {made["id"]: None for made in said["done"]}
        for refused in said["failed"]:
            found[refused["id"]] = Failed(refused["id"], refused["reason"], refused["detail"])
    return found


def vectors(store: Store, folder: str, ids: Iterable[str]) -> dict[str, np.ndarray]:
    """The features (dim,) float32 of these clips, by id, as far as they are there."""
    wanted, found = set(ids), dict[str, np.ndarray]()
    for shard in names(store, folder, "receipts"):
        name = layout.shard_file(folder, shard)
        if not wanted - found.keys() or not store.exists(name):
            continue
        table = tables.read(store, name)
        column = table.column("vector").combine_chunks()
        rows = column.flatten().to_numpy().reshape(len(table), -1)
        found |= {
            id: row
            for id, row in zip(table.column("id").to_pylist(), rows, strict=True)
            if id in wanted
        }
    return found
