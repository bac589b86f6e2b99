"""Search among some of the rows: every one compared, or, of very many, by a wider search first.

A graph filtered from within leads to what is nearest, and ends there where the filter bars all
around: a recall@5 of 0.99 fell to 0.56 where the kept half followed content, to 0.19 where 6 % were
kept. A wider search without a filter, of which the kept rows count, has no such dead ends: what is
kept of the best in all is the best that is kept. Where it finds too few, every row is compared.
"""

from math import ceil
from typing import Protocol

import numpy as np

# Rows kept that are compared at all times: 0.5 s for a query of 512 dimensions on one core.
# Not by the number of queries: the hits of one must not depend on which others come with it.
MAX_SCANNED = 200_000
MIN_SHARE = 0.1  # of the rows: below, a wider search would have to be so wide that it costs more
SPARE = 1.5  # times the results that a filter by chance would leave
MAX_FETCHED = 20_000
PROBED = "probed_filters"  # in `index.json`: measured, and above the gate


class Filtered(Protocol):
    """The part of an index that this needs: see `engines.index.index.Index`."""

    def __len__(self) -> int: ...

    def search(
        self, queries: np.ndarray, k: int, *, effort: int = 1
    ) -> tuple[np.ndarray, np.ndarray]:
        """Scores and rows (n, k), -1 unfilled, among all rows."""
        ...

    def scan(
        self, queries: np.ndarray, k: int, *, allowed: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The same by comparing every allowed row."""
        ...


def is_probed(total: int, kept: int, k: int) -> bool:
    """Whether a search for k among so many of all rows begins with a wider one."""
    large = kept > MAX_SCANNED and kept >= MIN_SHARE * total
    return large and _count_fetched(total, kept, k) <= min(MAX_FETCHED, total - 1)


def search_among(
    index: Filtered, queries: np.ndarray, k: int, allowed: np.ndarray, effort: int
) -> tuple[np.ndarray, np.ndarray]:
    """The k best of the allowed rows by a wider search; exact for queries that it leaves short."""
    fetched = _count_fetched(len(index), len(allowed), k)
    scores, rows = index.search(queries, fetched, effort=effort * ceil(len(index) / len(allowed)))
    mask = np.zeros(len(index), bool)
    mask[allowed] = True
    kept = (rows >= 0) & mask[rows]
    first = np.argsort(~kept, axis=1, kind="stable")[:, :k]
    scores, rows = (np.take_along_axis(each, first, axis=1) for each in (scores, rows))
    short = kept.sum(axis=1) < k
    if short.any():
        scores[short], rows[short] = index.scan(queries[short], k, allowed=allowed)
    return scores, rows


def _count_fetched(total: int, kept: int, k: int) -> int:
    return ceil(SPARE * k * total / kept)
