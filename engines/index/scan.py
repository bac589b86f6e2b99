"""Exact search by comparing every vector, a block at a time."""

from collections.abc import Iterable, Iterator

import numpy as np

TOGETHER = 256  # queries compared with a block at a time: 16 MB of scores
Blocks = Iterable[tuple[np.ndarray, np.ndarray]]


def split_blocks(vectors: np.ndarray, size: int = 16384) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Row numbers and float32 vectors of (n, d), `size` rows at a time; n may exceed memory."""
    for first in range(0, len(vectors), size):
        block = np.asarray(vectors[first : first + size], dtype=np.float32)
        yield np.arange(first, first + len(block), dtype=np.int64), block


def scan_top_k(blocks: Blocks, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k best of all blocks for each of (n, d) queries: scores and rows (n, k), -1 unfilled."""
    scores = np.full((len(queries), k), -np.inf, np.float32)
    rows = np.full((len(queries), k), -1, np.int64)
    for numbers, vectors in blocks:
        for first in range(0, len(queries), TOGETHER):
            part = slice(first, first + TOGETHER)
            products = _replace_nan(queries[part] @ vectors.T)
            # The best so far compete with the block's rows.
            all_scores = np.hstack([scores[part], products])
            all_rows = np.hstack([rows[part], np.broadcast_to(numbers, products.shape)])
            scores[part], rows[part] = sort_top_k(all_scores, all_rows, k)
    rows[~np.isfinite(scores)] = -1
    return scores, rows


def _replace_nan(scores: np.ndarray) -> np.ndarray:
    return np.nan_to_num(scores, nan=-np.inf, posinf=-np.inf, neginf=-np.inf)


def sort_top_k(scores: np.ndarray, rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k highest of each line in falling order, equals by row number."""
    # Sorting whole lines costs more than selecting first, unless lines are short.
    if scores.shape[1] > 4 * k:
        part = np.argpartition(-scores, k, axis=1)[:, :k]
        scores, rows = _take_columns(scores, part), _take_columns(rows, part)
    order = np.lexsort((rows, -scores), axis=1)[:, :k]
    return _take_columns(scores, order), _take_columns(rows, order)


def mask_unfilled(scores: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores and rows with unfilled slots and NaN scores as -inf and -1."""
    empty = (rows < 0) | ~np.isfinite(scores)
    return np.where(empty, np.float32(-np.inf), scores), np.where(empty, -1, rows)


def _take_columns(values: np.ndarray, order: np.ndarray) -> np.ndarray:
    return np.take_along_axis(values, order, axis=1)
