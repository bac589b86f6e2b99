"""Which videos of a bank are nearly a given clip, by their vectors."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from engines.index.batches import unit
from engines.retrieve.search import Searchable

THRESHOLD = 0.98  # copies are above, other clips below: measured in docs/evaluation.md
BLOCK = 16384  # rows compared at a time
ROUNDING = 1e-4  # more than a product in single precision is off


class Near(NamedTuple):
    """A query and the row of a bank that is nearly the same; `similarity` is their cosine."""

    query: int
    row: int
    similarity: float


def near(index: Searchable, queries: np.ndarray, threshold: float = THRESHOLD) -> Iterator[Near]:
    """Every pair of a query (n, d) and a row whose cosine is `threshold` or more, row by row.

    All rows are compared, however the index searches; a query without a direction is near nothing.
    """
    wanted = unit(queries)
    for first in range(0, len(index), BLOCK):
        rows = np.arange(first, min(first + BLOCK, len(index)))
        vectors = unit(index.vectors(rows))
        with np.errstate(invalid="ignore"):
            found = np.argwhere(vectors @ wanted.T >= threshold - ROUNDING)
        for at, query in found:
            similarity = float(vectors[at].astype(np.float64) @ wanted[query].astype(np.float64))
            if similarity >= threshold:
                yield Near(int(query), int(rows[at]), min(similarity, 1.0))
