"""Removes near copies: of every group joined by similarity, the best ranked stays."""

import numpy as np

CHUNK = 1024
ROUNDING = 1e-3  # products of two vectors differ by less, however they are summed


def pick_distinct(vectors: np.ndarray, threshold: float, limit: int | None = None) -> np.ndarray:
    """Positions of the first member of each connected component, in order, at most `limit`.

    Two of the unit vectors (n, d), best ranked first, are joined if their inner product is above
    `threshold`; joins chain (single linkage), so A~B~C leaves A alone whatever A·C is.
    """
    if limit is not None and limit <= CHUNK and _are_apart(vectors, threshold, limit):
        return np.arange(min(limit, len(vectors)))
    waiting = np.ones(len(vectors), bool)
    chosen: list[int] = []
    while waiting.any() and (limit is None or len(chosen) < limit):
        first = int(np.argmax(waiting))
        chosen.append(first)
        waiting[first] = False
        _strike_component(vectors, first, threshold, waiting)
    return np.array(chosen, dtype=np.int64)


def _are_apart(vectors: np.ndarray, threshold: float, limit: int) -> bool:
    """Whether none of the first `limit` is joined to any other: the usual case, in one product."""
    products = vectors[:limit] @ vectors.T
    np.fill_diagonal(products, -np.inf)
    return not (products > threshold - ROUNDING).any()


def _strike_component(
    vectors: np.ndarray, first: int, threshold: float, waiting: np.ndarray
) -> None:
    """Strikes from `waiting` all that is joined to `first`, step by step."""
    edge = np.array([first])
    while edge.size:
        rest = np.flatnonzero(waiting)
        edge = rest[_find_joined(vectors[edge], vectors[rest], threshold)]
        waiting[edge] = False


def _find_joined(members: np.ndarray, others: np.ndarray, threshold: float) -> np.ndarray:
    """Which of `others` are joined to any of `members`."""
    near = np.zeros(len(others), bool)
    # In chunks: among 16,384 candidates the whole matrix of products would take 1 GB.
    for start in range(0, len(members), CHUNK):
        near |= (members[start : start + CHUNK] @ others.T > threshold).any(axis=0)
    return near
