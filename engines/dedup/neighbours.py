"""Mutual nearest neighbours: pairs of rows of an index each of which is near the other."""

from typing import Any

import numpy as np

QUERIES = 4096  # searched together


class MutualNeighbours:
    """Finds pairs that are each among the other's `k` nearest, with a cosine of `least` or more.

    A row near very many others, as black pictures are, so is a candidate of the nearest alone, and
    the pairs of a corpus are at most k times its rows.
    """

    def __init__(self, index: Any, k: int, least: float) -> None:
        self._index, self.k, self.least = index, k, least

    def find(self, rows: np.ndarray) -> list[tuple[int, int, float]]:
        """Each pair of one of these `rows` and any other: (row, other, cosine), once."""
        near = self._search(rows)
        # A neighbour's own neighbours, among all rows: it may have been compared on another night.
        others = {other for found in near.values() for other in found} - near.keys()
        theirs = self._search(np.array(sorted(others), np.int64))
        pairs: list[tuple[int, int, float]] = []
        for row, found in near.items():
            for other, cosine in found.items():
                is_first = other not in near or row < other
                if is_first and row in (near.get(other) or theirs.get(other, {})):
                    pairs.append((row, other, cosine))
        return pairs

    def _search(self, rows: np.ndarray) -> dict[int, dict[int, float]]:
        """The neighbours of each row with their cosines, without the row itself."""
        near: dict[int, dict[int, float]] = {}
        for first in range(0, len(rows), QUERIES):
            some = rows[first : first + QUERIES]
            # Two more than k: the row itself, and rounding at the last place.
            scores, found = self._index.search(
                self._index.vectors(some), min(self.k + 2, len(self._index))
            )
            passed = (scores >= self.least) & (found >= 0) & (found != some[:, None])
            for at, row in enumerate(some.tolist()):
                kept = np.flatnonzero(passed[at])[: self.k]
                near[row] = {int(found[at, i]): min(float(scores[at, i]), 1.0) for i in kept}
        return near
