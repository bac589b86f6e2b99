"""Reads pooled vectors from the store, for indexing and comparing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from data.outcome import Done, Outcome
from data.store import layout, tables
from data.store.storage import Store
from engines.base import Needs
from engines.index import partition
from engines.index.batches import Batch


@dataclass(frozen=True, slots=True)
class PooledVectors:
    """The pooled vectors of some shards in a folder, less those of the contents `left_out`."""

    store: Store
    folder: str
    shards: tuple[str, ...]
    left_out: frozenset[str]

    def batches(self) -> Iterator[Batch]:
        """A few thousand vectors at a time."""
        for shard in self.shards:
            name = layout.shard_file(self.folder, shard)
            if self.store.exists(name):  # there is no file if the whole shard failed
                for rows in tables.iter_batches(self.store, name):
                    yield _to_batch(rows, self.left_out)

    def split(self, parts: int) -> list["PooledVectors"]:
        """The same vectors in at most `parts` runs of consecutive shards."""
        size = max(1, -(-len(self.shards) // parts))
        starts = range(0, len(self.shards), size)
        return [replace(self, shards=self.shards[start : start + size]) for start in starts]


def _to_batch(rows: pa.RecordBatch, left_out: frozenset[str]) -> Batch:
    contents = rows.column("content").to_pylist()
    keep = np.array([content not in left_out for content in contents], bool)
    column = rows.column("vector")
    vectors = column.flatten().to_numpy(zero_copy_only=False).reshape(len(rows), -1)
    ids = rows.column("video_id").to_numpy(zero_copy_only=False)[keep].tolist()
    return Batch(ids, vectors[keep], [content for content in contents if content not in left_out])


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a partitioned index; its rows count from `first` in the whole."""

    id: str
    vectors: PooledVectors
    first: int


class PartFiller:
    """Fills parts of an index trained once; `trained` and `target` must be seen by all workers."""

    needs = Needs()

    def __init__(self, trained: Path, target: Path) -> None:
        self.trained, self.target = trained, target

    def load(self) -> None:
        """Nothing to load: each part reads the trained index."""

    def run(self, batch: Sequence[Part]) -> Iterator[Outcome[Path]]:
        for part in batch:
            batches, out = part.vectors.batches(), self.target / part.id
            yield Done(part.id, partition.fill_part(self.trained, batches, out, first=part.first))

    def close(self) -> None:
        """Nothing to close."""
