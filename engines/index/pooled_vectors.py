"""Reads pooled vectors from the store, for indexing and comparing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from data.outcome import Done, Outcome
from data.store import layout, tables
from data.store.storage import Store
from engines.base import Needs
from engines.index import partition
from engines.index.batches import Batch
from engines.index.frame_vectors import FrameVectors


@dataclass(frozen=True, slots=True)
class PooledVectors:
    """The pooled vectors of some shards in a folder, one for each content.

    Those of the contents `left_out` are skipped. `counting` names the shard whose row counts, of
    contents that several shards have: the others are skipped, and all of them where it is None.
    With `wanted`, nothing but these contents is read, each from the shard that it names.
    """

    store: Store
    folder: str
    shards: tuple[str, ...]
    left_out: frozenset[str] = frozenset()
    counting: Mapping[str, str | None] = field(default_factory=dict)
    wanted: Mapping[str, str] | None = None

    @property
    def count(self) -> int:
        """How many vectors are wanted, where it is known which."""
        return len(self.wanted or ())

    def batches(self) -> Iterator[Batch]:
        """A few thousand vectors at a time."""
        for shard in self.shards:
            name, seen = layout.shard_file(self.folder, shard), set[str]()
            if self.store.exists(name):  # there is no file if the whole shard failed
                for rows in tables.iter_batches(self.store, name):
                    contents = rows.column("content").to_pylist()
                    keep = [self._take(content, shard, seen) for content in contents]
                    yield _to_batch(rows, contents, np.array(keep, bool))

    def _take(self, content: str, shard: str, seen: set[str]) -> bool:
        """Whether a row of a shard is the one that counts of its content."""
        if self.wanted is not None:
            counts = self.wanted.get(content) == shard
        else:
            counts = content not in self.left_out and self.counting.get(content, shard) == shard
        # Within a shard the rows of a content are equal.
        if not counts or content in seen:
            return False
        seen.add(content)
        return True

    def split(self, parts: int) -> list["PooledVectors"]:
        """The same vectors in at most `parts` runs of consecutive shards."""
        size = max(1, -(-len(self.shards) // parts))
        starts = range(0, len(self.shards), size)
        return [replace(self, shards=self.shards[start : start + size]) for start in starts]


def _to_batch(rows: pa.RecordBatch, contents: list[str], keep: np.ndarray) -> Batch:
    column = rows.column("vector")
    vectors = column.flatten().to_numpy(zero_copy_only=False).reshape(len(rows), -1)
    ids = rows.column("video_id").to_numpy(zero_copy_only=False)[keep].tolist()
    return Batch(ids, vectors[keep], [contents[row] for row in np.flatnonzero(keep)])


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a partitioned index; its rows count from `first` in the whole."""

    id: str
    vectors: "PooledVectors | FrameVectors"
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
