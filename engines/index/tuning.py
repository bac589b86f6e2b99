"""Tunes search parameters by recall.

autofaiss tunes by timing its own queries, so the same vectors give other parameters, and other
results, on another machine or a busy one. Here a fixed ladder is climbed until a seeded probe
reaches the recall aimed at: the same vectors give the same parameters everywhere.
"""

from dataclasses import dataclass

import numpy as np

from engines.index import parameters
from engines.index.batches import to_unit
from engines.index.index import Index

PROBES = 256
K = 10
MIN_FILL = 0.99  # share of the requested neighbours that must be found at all
SLACK = 1e-6  # two ways of summing 512 products differ by less


@dataclass(frozen=True, slots=True)
class Probe:
    """Queries (n, d), each one's own row or -1, and the score (n) of its k-th true neighbour."""

    queries: np.ndarray
    own: np.ndarray
    bar: np.ndarray
    k: int

    def recall(self, index: Index) -> float:
        """Recall@k of a search, ties counting: the lower of the mean over stored vectors and
        that over the other queries."""
        scores, rows = index.search(self.queries, min(self.k + 1, len(index)))
        hits = (rows >= 0) & (rows != self.own[:, None]) & (scores >= self.bar[:, None] - SLACK)
        shares = np.minimum(hits.sum(axis=1), self.k) / self.k
        return float(min(shares[self.own >= 0].mean(), shares[self.own < 0].mean()))

    def fill_share(self, index: Index, requested: int) -> float:
        """Share of `requested` slots that a search fills."""
        _, rows = index.search(self.queries, min(requested, len(index)))
        return float((rows >= 0).mean())


def tune_index(
    index: Index, aim: float, *, fill: int = 20, probes: np.ndarray | None = None, seed: int = 0
) -> None:
    """Sets the narrowest parameters whose recall@10 reaches `aim`, else the broadest.

    Queries are a seeded sample of the index's own vectors, each excluded from its own results, and
    `probes` (m, d), such as texts, or drawn ones if none are given. The parameters, and the lower
    recall of the two, go into `index.about`.
    """
    steps = parameters.build_ladder(index.key)
    chosen, reached = {}, 1.0
    if steps != [{}] and len(index) > 1:
        probe = build_probe(index, probes, seed)
        for chosen in steps:
            parameters.apply_parameters(index.faiss, chosen)
            reached = probe.recall(index)
            # Recall@10 may be fine where a search for 20 runs out of lists to look in.
            if reached >= aim and probe.fill_share(index, fill) >= MIN_FILL:
                break
    index.about |= {"parameters": chosen, "figures": {"tuning_recall_at_10": reached}}


def build_probe(index: Index, more: np.ndarray | None, seed: int) -> Probe:
    """Some of the index's own vectors and some others, with true neighbours by a full scan."""
    rows = index.sample(PROBES, seed)
    stored = index.vectors(rows)
    others = draw_strangers(stored, seed) if more is None or not len(more) else more[:PROBES]
    queries = np.vstack([stored, others]).astype(np.float32)
    own = np.concatenate([rows, np.full(len(others), -1)])
    k = min(K, len(index) - 1)
    # One more than k, since a stored vector finds itself.
    scores, neighbours = index.scan(queries, k + 1)
    scores = np.where(neighbours == own[:, None], -np.inf, scores)
    return Probe(queries, own, -np.sort(-scores, axis=1)[:, k - 1], k)


def draw_strangers(vectors: np.ndarray, seed: int) -> np.ndarray:
    """As many unit vectors as (n, d), similar to none of them but spread as they are.

    Stored vectors lie where the index is dense and are found easily; texts do not. On 2,000 sorted
    clusters an efSearch of 16 found 99.9 % for stored vectors and 69 % for these.
    """
    random = np.random.default_rng(seed)
    noise = random.standard_normal(vectors.shape)
    return to_unit(vectors.mean(axis=0) + vectors.std(axis=0) * noise)
