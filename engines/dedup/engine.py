"""The dedup stage's engine: contents of an index in, the pairs of near-duplicates of each out."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from data.batches import iter_batches
from data.outcome import Done, Failed, Outcome
from data.specs.dedup import DedupSpec
from data.store.storage import Store
from engines.base import Needs
from engines.dedup.alignment import Alignment, Frames, align_frames
from engines.dedup.locations import FrameLocations
from engines.dedup.neighbours import MutualNeighbours
from engines.index.index import open_index

VERSION = "1"
PAIRS = 512  # confirmed together: bounds the frames in memory


@dataclass(frozen=True, slots=True)
class Content:
    """A content to compare with the others of the index."""

    content: str

    @property
    def id(self) -> str:
        """The content: each is listed once."""
        return self.content


@dataclass(frozen=True, slots=True)
class Pair:
    """Two contents that are near-duplicates, `one` the lower; `similarity` is that of pooled
    vectors, and the alignment that of their frames."""

    one: str
    other: str
    similarity: float
    alignment: Alignment


class CopyFinder:
    """Finds mutual neighbours by the index, and confirms them on frame vectors in time order.

    A pair is found by whichever of its contents is compared later; one that both find is the same.
    """

    needs = Needs()

    def __init__(self, store: Store, index: Path, locations: Path, spec: DedupSpec) -> None:
        self.store, self.folder, self.locations, self.spec = store, index, locations, spec

    def load(self) -> None:
        """Opens the index and the locations of frames, both memory-mapped."""
        self._index = open_index(self.folder)
        self._contents, self._frames = self._index.contents, FrameLocations(self.locations)
        self._neighbours = MutualNeighbours(
            self._index, self.spec.neighbours, self.spec.candidates
        )  # fmt: skip
        self._searching = threading.Lock()  # faiss takes all cores for one search

    def run(self, batch: Sequence[Content]) -> Iterator[Outcome[list[Pair]]]:
        """The pairs of each content; those with an earlier one of the batch are the latter's."""
        rows = self._index.rows([item.id for item in batch])
        with self._searching:
            found = self._neighbours.find(rows[rows >= 0])
        lacking = self._frames.find_missing(rows[rows >= 0])
        pairs: dict[int, list[Pair]] = {}
        for some in iter_batches(found, PAIRS):
            for owner, pair in self._confirm(some):
                pairs.setdefault(owner, []).append(pair)
        for item, row in zip(batch, rows, strict=True):
            if row < 0:
                yield Failed(item.id, "missing", "not in the index any more")
            elif int(row) in lacking:
                yield Failed(item.id, "missing", "it has no frame vectors")
            else:
                yield Done(item.id, pairs.get(int(row), []))

    def close(self) -> None:
        """Nothing to close."""

    def _confirm(self, candidates: Sequence[tuple[int, int, float]]) -> Iterator[tuple[int, Pair]]:
        """The candidates, each (row, other row, cosine), that agree in time order."""
        rows = sorted({row for one, other, _ in candidates for row in (one, other)})
        frames = self._frames.read(self.store, rows)
        for owner, other, similarity in candidates:
            # In the order of contents: the result must not depend on which is compared first.
            one, two = sorted((owner, other), key=lambda row: str(self._contents[row]))
            alignment = _align(frames.get(one), frames.get(two))
            if alignment is not None and alignment.score >= self.spec.threshold:
                names = str(self._contents[one]), str(self._contents[two])
                yield owner, Pair(*names, similarity, alignment)


def _align(one: Frames | None, other: Frames | None) -> Alignment | None:
    return None if one is None or other is None else align_frames(one, other)
