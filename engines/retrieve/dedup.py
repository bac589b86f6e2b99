"""Near copies: of every group joined by similarity, the best ranked stays."""

import numpy as np

CHUNK = 1024


def distinct(vectors: np.ndarray, threshold: float, limit: int | None = None) -> np.ndarray:
    """Positions of the first member of each connected component, in order, at most `limit`.

    Two of the unit vectors (n, d), best ranked first, are joined when their inner product is above
    `threshold`; joins chain (single linkage), so A~B~C leaves A alone whatever A·C is.
    """
    waiting = np.ones(len(vectors), bool)
    kept: list[int] = []
    while waiting.any() and (limit is None or len(kept) < limit):
        first = int(np.argmax(waiting))
        kept.append(first)
        waiting[first] = False
        _spread(vectors, first, threshold, waiting)
    return np.array(kept, dtype=np.int64)


def _spread(vectors: np.ndarray, first: int, threshold: float, waiting: np.ndarray) -> None:
    """Strikes from `waiting` all that is joined to `first`, step by step."""
    edge = np.array([first])
    while edge.size:
        rest = np.flatnonzero(waiting)
        edge = rest[_joined(vectors[edge], vectors[rest], threshold)]
        waiting[edge] = False


def _joined(some: np.ndarray, others: np.ndarray, threshold: float) -> np.ndarray:
    """Which of `others` are joined to any of `some`."""
    near = np.zeros(len(others), bool)
    for start in range(0, len(some), CHUNK):
        near |= (some[start : start + CHUNK] @ others.T > threshold).any(axis=0)
    return near
