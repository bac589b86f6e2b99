"""Recall of an index against exact search, and the gate a version must pass to be published."""

from collections.abc import Mapping, Sequence

import numpy as np

from data.errors import UserError
from engines.indexing.opened import Index

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
    barred = np.array(
        [""] * len(queries) if own is None else list(own), dtype=np.dtypes.StringDType()
    )
    k = min(k, len(exact) - (own is not None))
    if k < 1 or not len(queries):
        return 1.0
    bars = _bars(exact, queries, k, barred)
    _, rows = index.search(queries, min(k + 1, len(index)))
    shares = [
        _share(exact, index.ids[line[line >= 0]], query, bar, name, k)
        for query, line, bar, name in zip(queries, rows, bars, barred, strict=True)
    ]
    return float(np.mean(shares))


def _bars(exact: Index, queries: np.ndarray, k: int, barred: np.ndarray) -> np.ndarray:
    """The score of each query's k-th true neighbour (n)."""
    scores, rows = exact.search(queries, min(k + 1, len(exact)))
    scores = np.where(exact.ids[rows] == barred[:, None], -np.inf, scores)
    return -np.sort(-scores, axis=1)[:, k - 1]


def _share(exact: Index, ids: np.ndarray, query: np.ndarray, bar: float, own: str, k: int) -> float:
    """Share of the k true neighbours among the first k ids, the query's own aside."""
    rows = exact.rows([name for name in ids.tolist() if name != own][:k])
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
