"""Recall of an index against exact search, and the gate that a version must pass."""

from collections.abc import Mapping, Sequence

import numpy as np

from data.errors import UserError
from engines.index.index import Index

SLACK = 1e-6  # a tie with the k-th true neighbour counts as found
MINIMUM = 0.95


class BelowGate(UserError):
    """The index finds too few of the true neighbours to be published."""


def recall_at_k(
    index: Index,
    exact: Index,
    queries: np.ndarray,
    k: int = 10,
    *,
    own: Sequence[str] | None = None,
) -> float:
    """Share of the k exact neighbours of unit queries (n, d) that `index` finds; ties count.

    `own` are the queries' own ids if they are stored videos. Each is then excluded from its own
    results: nearly any index finds a vector by itself, which would flatter recall@10 by up to 0.1.
    The indexes are compared by id, so their rows may be in different orders.
    """
    k = min(k, len(exact) - (own is not None))
    if k < 1 or not len(queries):
        return 1.0
    # -2 is the row of nothing: unlike -1 it never equals an unfilled slot.
    barred = np.full(len(queries), -2) if own is None else exact.rows(own)
    bars = _kth_scores(exact, queries, k, barred)
    shares = [
        _recall_of_query(exact, found[(found >= 0) & (found != row)][:k], query, bar, k)
        for query, found, row, bar in zip(
            queries, _search_rows(index, exact, queries, k), barred, bars, strict=True
        )
    ]
    return float(np.mean(shares))


def _search_rows(index: Index, exact: Index, queries: np.ndarray, k: int) -> np.ndarray:
    """The results of `index` (n, k + 1) as row numbers of `exact`; -1 unfilled."""
    _, rows = index.search(queries, min(k + 1, len(index)))
    translated = exact.rows(index.ids[rows.ravel()].tolist()).reshape(rows.shape)
    # -1 picked the last id above, so unfilled slots are marked again.
    return np.where(rows < 0, -1, translated)


def _kth_scores(exact: Index, queries: np.ndarray, k: int, barred: np.ndarray) -> np.ndarray:
    """The score of each query's k-th true neighbour (n)."""
    scores, rows = exact.search(queries, min(k + 1, len(exact)))
    scores = np.where(rows == barred[:, None], -np.inf, scores)
    return -np.sort(-scores, axis=1)[:, k - 1]


def _recall_of_query(
    exact: Index, rows: np.ndarray, query: np.ndarray, bar: float, k: int
) -> float:
    """Share of the k true neighbours that are among these rows of `exact`."""
    return float((exact.vectors(rows) @ query >= bar - SLACK).sum()) / k


def measure_recall(
    index: Index,
    exact: Index,
    *,
    texts: np.ndarray | None = None,
    sample: int = 500,
    seed: int = 1,
) -> dict[str, float]:
    """`video_recall_at_10` over a seeded sample of stored videos and, if there are text vectors
    (m, d), `text_recall_at_10`."""
    rows = exact.sample(sample, seed)
    own = exact.ids[rows].tolist()
    figures = {"video_recall_at_10": recall_at_k(index, exact, exact.vectors(rows), own=own)}
    if texts is not None and len(texts):
        queries = np.asarray(texts[:sample], np.float32)
        figures["text_recall_at_10"] = recall_at_k(index, exact, queries)
    return figures


def check_gate(figures: Mapping[str, float], minimum: float = MINIMUM) -> None:
    """Raises `BelowGate` if any of the figures is below `minimum` or none was measured."""
    # Negated, so that NaN, which is not below anything, does not pass.
    low = {name: value for name, value in figures.items() if not value >= minimum}
    if low or not figures:
        what = ", ".join(f"{name} {value:.3f}" for name, value in low.items()) or "no recall"
        raise BelowGate(
            f"not published: {what} is below {minimum}; raise recall_aim or "
            "max_index_memory_usage, or give an index_key such as HNSW32"
        )
