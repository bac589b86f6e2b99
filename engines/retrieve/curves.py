"""Reads frame vectors of a few videos from their shards, as score curves and as means of spans.

One row group is in memory at a time, and of a video its scores: however many frames a corpus has.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

import numpy as np

from data.store import layout
from data.store.frame_vectors import iter_frames
from data.store.storage import Store
from engines.index.batches import to_unit

NO_SCORE = -1.0  # of a frame without a direction: it is like nothing
Part = tuple[np.ndarray, np.ndarray]  # seconds (n,), unit vectors (n, dim)


@dataclass(frozen=True, slots=True)
class FrameReader:
    """Reads an embed stage's frames; `places` has the shard and the id of each content."""

    store: Store
    folder: str
    places: Mapping[str, tuple[str, str]]

    def read_curves(
        self, queries: np.ndarray, wanted: Mapping[str, Sequence[int]]
    ) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        """Content, seconds (n,) and scores (n, m) of each video, by the queries wanted of it.

        A score is the cosine of a frame and a unit query (q, dim).
        """
        for content, parts in self._read_parts(wanted):
            own = queries[list(wanted[content])].T
            seconds, scores = zip(*((part[0], part[1] @ own) for part in parts), strict=True)
            curve = np.nan_to_num(np.concatenate(scores), nan=NO_SCORE)
            yield content, np.concatenate(seconds), curve

    def read_means(
        self, spans: Mapping[str, Sequence[tuple[int, int]]]
    ) -> dict[tuple[str, int, int], np.ndarray]:
        """The unit mean (dim,) of the frames `first` to `last` of contents."""
        means = {}
        for content, parts in self._read_parts(spans):
            sums, at = dict[tuple[int, int], np.ndarray](), 0
            for _, vectors in parts:
                for first, last in spans[content]:
                    rows = np.nan_to_num(vectors[max(0, first - at) : max(0, last + 1 - at)])
                    sums[first, last] = sums.get((first, last), 0) + rows.sum(axis=0)
                at += len(vectors)
            for span, total in sums.items():
                means[content, *span] = np.nan_to_num(to_unit(total[None])[0])
        return means

    def _read_parts(self, contents: Mapping[str, object]) -> Iterator[tuple[str, Iterator[Part]]]:
        """Each content that is stored, with its frames a few thousand at a time."""
        by_shard: dict[str, dict[str, str]] = {}
        for content in contents:
            if content in self.places:
                shard, id = self.places[content]
                by_shard.setdefault(shard, {})[id] = content
        for shard, owners in sorted(by_shard.items()):
            frames = iter_frames(self.store, layout.shard_file(self.folder, shard), owners)
            for id, parts in groupby(frames, itemgetter(0)):
                yield owners[id], ((seconds, to_unit(part)) for _, seconds, part in parts)
