"""Mutual nearest neighbours: pairs of rows of an index each of which is near the other."""

from pathlib import Path

import numpy as np

from engines.index.index import Index

QUERIES = 4096  # searched together
DECIMALS = 6  # of a cosine: the last bits depend on which of two was searched for


class MutualNeighbours:
    """Finds pairs that are each among the other's `k` nearest, with a cosine of `least` or more.

    A row near very many others, as black pictures are, so is a candidate of the nearest alone, and
    the pairs of a corpus are at most k times its rows. Each row is searched for once: what was
    found lies in a file of `folder`.
    """

    def __init__(self, index: Index, k: int, least: float, folder: Path) -> None:
        self._index, self._k, self._least = index, k, least
        shape = (max(len(index), 1), k)
        # Sparse files: of rows that are never looked at nothing is written.
        self._near = np.memmap(folder / "neighbours", np.int32, "w+", shape=shape)
        self._cosines = np.memmap(folder / "cosines", np.float32, "w+", shape=shape)
        self._is_known = np.zeros(len(index), bool)

    def find(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The pairs of these `rows` and any others: rows (n,), others (n,) and cosines (n,)."""
        self._search(rows)
        near = np.array(self._near[rows])
        # A neighbour's own neighbours, among all rows: it may have been compared on another night.
        self._search(np.unique(near[near >= 0]))
        back = (self._near[near] == rows[:, None, None]).any(axis=2)
        at, column = np.nonzero(back & (near >= 0))
        cosines = self._cosines[rows[at], column].astype(float).round(DECIMALS)
        return rows[at], near[at, column].astype(np.int64), cosines

    def _search(self, rows: np.ndarray) -> None:
        """Notes the neighbours of rows that are not known yet; -1 fills up."""
        rows = rows[~self._is_known[rows]]
        for first in range(0, len(rows), QUERIES):
            some = rows[first : first + QUERIES]
            # Two more than k: the row itself, and rounding at the last place.
            scores, found = self._index.search(
                self._index.vectors(some), min(self._k + 2, len(self._index))
            )
            passed = (scores >= self._least) & (found >= 0) & (found != some[:, None])
            order = np.argsort(~passed, axis=1, kind="stable")[:, : self._k]
            found = np.where(passed, found, -1)
            self._near[some] = -1
            self._near[some, : order.shape[1]] = np.take_along_axis(found, order, axis=1)
            self._cosines[some, : order.shape[1]] = np.take_along_axis(
                np.minimum(scores, 1.0), order, axis=1
            )
        self._is_known[rows] = True
