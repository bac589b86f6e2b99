"""Recall of an index against what exact search finds, and the gate that it must pass."""

from collections.abc import Collection, Mapping

import numpy as np

from data.errors import UserError
from engines.index.ground_truth import NOTHING, SLACK, GroundTruth
from engines.index.index import Index

MINIMUM = 0.95
SHARES = (0.5, 0.1, 0.01, 0.001)  # of the rows, that filters keep when their recall is measured
FILTERED_QUERIES = 32  # stored vectors, and as many texts
BLOCK = 16384


class BelowGate(UserError):
    """The index finds too few of the true neighbours to be published."""


def measure_recall(
    index: Index, truth: GroundTruth, stale: Collection[str] = ()
) -> dict[str, float]:
    """`video_recall_at_10` over the stored videos among the queries and, if there are texts,
    `text_recall_at_10`. Contents in `stale` are in the index, and are no results."""
    shares, videos = truth.recall(index, stale=stale), truth.own != NOTHING
    figures = {"video_recall_at_10": float(shares[videos].mean()) if videos.any() else 1.0}
    if not videos.all():
        figures["text_recall_at_10"] = float(shares[~videos].mean())
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
