"""Finds the indexed videos that are nearly a given clip, by their vectors."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from engines.index.batches import to_unit
from engines.retrieve.search import Searchable

THRESHOLD = 0.98  # copies are above, other clips below: measured in docs/evaluation.md
BLOCK = 16384  # rows compared at a time
ROUNDING = 1e-4  # more than the error of a product in single precision


class NearCopy(NamedTuple):
    """A query and the row of an index that is nearly the same; `similarity` is their cosine."""

    query: int
    row: int
    similarity: float


def find_near_copies(
    index: Searchable, queries: np.ndarray, threshold: float = THRESHOLD
) -> Iterator[NearCopy]:
    """Every pair of a query (n, d) and a row whose cosine is `threshold` or more, row by row.

    All rows are compared, however the index searches; a query of zeros is near nothing.
    """
    unit_queries = to_unit(queries)
    for first in range(0, len(index), BLOCK):
        rows = np.arange(first, min(first + BLOCK, len(index)))
        vectors = to_unit(index.vectors(rows))
        # A matrix product in single precision preselects; double precision then decides.
        with np.errstate(invalid="ignore"):
            candidates = np.argwhere(vectors @ unit_queries.T >= threshold - ROUNDING)
        for row, query in candidates:
            product = vectors[row].astype(np.float64) @ unit_queries[query].astype(np.float64)
            if float(product) >= threshold:
                yield NearCopy(int(query), int(rows[row]), min(float(product), 1.0))
