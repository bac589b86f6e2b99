"""Recall of an index against exact search, and the gate that a version must pass."""

from collections.abc import Mapping, Sequence

import numpy as np

from data.errors import UserError
from engines.index.index import Index

SLACK = 1e-6  # a tie with the k-th true neighbour counts as found
MINIMUM = 0.95
SHARES = (0.5, 0.1, 0.01, 0.001)  # of the rows, that filters keep when their recall is measured
FILTERED_QUERIES = 32  # stored vectors, and as many texts
BLOCK = 16384


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

    `own` are the queries' own contents if they are stored. Each is then excluded from its own
    results: nearly any index finds a vector by itself, which would flatter recall@10 by up to 0.1.
    The indexes are compared by content, so their rows may be in different orders.
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
    """The results of `index` (n, k + 1 or more) as row numbers of `exact`; -1 unfilled."""
    # Rows that the exact index lacks are no longer shown, and are skipped: so more are fetched.
    more = min(k, max(0, len(index) - len(exact)))
    _, rows = index.search(queries, min(k + 1 + more, len(index)))
    translated = exact.rows(index.contents[rows.ravel()].tolist()).reshape(rows.shape)
    # -1 picked the last content above, so unfilled slots are marked again.
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
    own = exact.contents[rows].tolist()
    figures = {"video_recall_at_10": recall_at_k(index, exact, exact.vectors(rows), own=own)}
    if texts is not None and len(texts):
        queries = np.asarray(texts[:sample], np.float32)
        figures["text_recall_at_10"] = recall_at_k(index, exact, queries)
    return figures


def measure_filtered(
    index: Index, exact: Index, *, texts: np.ndarray | None = None, seed: int = 1
) -> dict[str, float]:
    """Recall@10 of searches among a share of the rows: `random_0.5`, `content_0.001` and others.

    The rows kept are drawn at random, or are those that are most similar to one of them: a filter
    that follows content, with most queries far from all that is kept.
    """
    stored = exact.sample(FILTERED_QUERIES, seed)
    queries = exact.vectors(stored)
    if texts is not None and len(texts):
        queries = np.vstack([queries, np.asarray(texts[:FILTERED_QUERIES], np.float32)])
    shuffled = np.random.default_rng(seed).permutation(len(exact))
    figures = {}
    for name, order in (("random", shuffled), ("content", _order_by(exact, queries[0]))):
        for share in SHARES:
            rows = np.sort(order[: max(1, round(share * len(exact)))])
            figures[f"{name}_{share:g}"] = _recall_among(index, exact, queries, rows)
    return figures


def _order_by(exact: Index, query: np.ndarray) -> np.ndarray:
    """All rows, the most similar to a query first."""
    blocks = np.array_split(np.arange(len(exact)), -(-len(exact) // BLOCK))
    return np.argsort(-np.concatenate([exact.vectors(rows) @ query for rows in blocks]))


def _recall_among(index: Index, exact: Index, queries: np.ndarray, rows: np.ndarray) -> float:
    """Recall@10 of searches among some rows of `exact`; ties count."""
    k = min(10, len(rows))
    scores, _ = exact.scan(queries, k, allowed=rows)
    own = index.rows(exact.contents[rows].tolist())
    _, found = index.search(queries, k, allowed=np.sort(own[own >= 0]))
    shares = [
        float((index.vectors(hits[hits >= 0]) @ query >= bar - SLACK).sum()) / k
        for query, hits, bar in zip(queries, found, scores[:, -1], strict=True)
    ]
    return float(np.mean(shares))


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
