"""Exact search by comparing everything, a block at a time."""

from collections.abc import Iterable, Iterator

import numpy as np

TOGETHER = 256  # queries compared with a block at a time: 16 MB of scores
Blocks = Iterable[tuple[np.ndarray, np.ndarray]]


def blocks(vectors: np.ndarray, size: int = 16384) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Row numbers and float32 vectors of (n, d), `size` rows at a time; n may exceed memory."""
    for first in range(0, len(vectors), size):
        block = np.asarray(vectors[first : first + size], dtype=np.float32)
        yield np.arange(first, first + len(block), dtype=np.int64), block


def top(parts: Blocks, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k best of all blocks for each of (n, d) queries: scores and rows (n, k), -1 unfilled."""
    scores = np.full((len(queries), k), -np.inf, np.float32)
    rows = np.full((len(queries), k), -1, np.int64)
    for numbers, vectors in parts:
        for first in range(0, len(queries), TOGETHER):
            some = slice(first, first + TOGETHER)
            found = _finite(queries[some] @ vectors.T)
            both = np.hstack([scores[some], found])
            names = np.hstack([rows[some], np.broadcast_to(numbers, found.shape)])
            scores[some], rows[some] = best(both, names, k)
    rows[~np.isfinite(scores)] = -1
    return scores, rows


def _finite(scores: np.ndarray) -> np.ndarray:
    return np.nan_to_num(scores, nan=-np.inf, posinf=-np.inf, neginf=-np.inf)


def best(scores: np.ndarray, rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k highest of each line in falling order, equals by row number."""
    if scores.shape[1] > 4 * k:
        part = np.argpartition(-scores, k, axis=1)[:, :k]
        scores, rows = _take(scores, part), _take(rows, part)
    order = np.lexsort((rows, -scores), axis=1)[:, :k]
    return _take(scores, order), _take(rows, order)


def clean(scores: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unfilled slots and NaN scores as -inf and -1."""
    empty = (rows < 0) | ~np.isfinite(scores)
    return np.where(empty, np.float32(-np.inf), scores), np.where(empty, -1, rows)


def _take(values: np.ndarray, order: np.ndarray) -> np.ndarray:
    return np.take_along_axis(values, order, axis=1)
