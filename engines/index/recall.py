"""Recall of an index against exact search, and the gate a version must pass to be published."""

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

    `own` are the queries' own ids when they are stored videos. Each is then left out of its own
    answers: nearly any index finds a vector by itself, which would flatter recall@10 by up to 0.1.
    The indexes are compared by id, so their rows may be in different orders.
    """
    k = min(k, len(exact) - (own is not None))
    if k < 1 or not len(queries):
        return 1.0
    barred = np.full(len(queries), -2) if own is None else exact.rows(own)
    bars = _bars(exact, queries, k, barred)
    shares = [
        _share(exact, line[(line >= 0) & (line != row)][:k], query, bar, k)
        for query, line, row, bar in zip(
            queries, _places(index, exact, queries, k), barred, bars, strict=True
        )
    ]
    return float(np.mean(shares))


def _places(index: Index, exact: Index, queries: np.ndarray, k: int) -> np.ndarray:
    """What `index` answers (n, k + 1), as row numbers of `exact`; -1 unfilled."""
    _, rows = index.search(queries, min(k + 1, len(index)))
    places = exact.rows(index.ids[rows.ravel()].tolist()).reshape(rows.shape)
    return np.where(rows < 0, -1, places)


def _bars(exact: Index, queries: np.ndarray, k: int, barred: np.ndarray) -> np.ndarray:
    """The score of each query's k-th true neighbour (n)."""
    scores, rows = exact.search(queries, min(k + 1, len(exact)))
    scores = np.where(rows == barred[:, None], -np.inf, scores)
    return -np.sort(-scores, axis=1)[:, k - 1]


def _share(exact: Index, rows: np.ndarray, query: np.ndarray, bar: float, k: int) -> float:
    """Share of the k true neighbours that are among these rows of `exact`."""
    return float((exact.vectors(rows) @ query >= bar - SLACK).sum()) / k


def figures(
    index: Index,
    exact: Index,
    *,
    texts: np.ndarray | None = None,
    sample: int = 500,
    seed: int = 1,
) -> dict[str, float]:
    """`video_recall_at_10` over a seeded sample of stored videos and, where there are text vectors
    (m, d), `text_recall_at_10`."""
    rows = exact.sample(sample, seed)
    own = exact.ids[rows].tolist()
    measured = {"video_recall_at_10": recall_at_k(index, exact, exact.vectors(rows), own=own)}
    if texts is not None and len(texts):
        asked = np.asarray(texts[:sample], np.float32)
        measured["text_recall_at_10"] = recall_at_k(index, exact, asked)
    return measured


def gate(figures: Mapping[str, float], minimum: float = MINIMUM) -> None:
    """Raises `BelowGate` when any of the figures is below `minimum` or none was measured."""
    low = {name: value for name, value in figures.items() if not value >= minimum}
    if low or not figures:
        said = ", ".join(f"{name} {value:.3f}" for name, value in low.items()) or "no recall"
        raise BelowGate(
            f"not published: {said} is below {minimum}; raise recall_aim or "
            "max_index_memory_usage, or give an index_key such as HNSW32"
        )
