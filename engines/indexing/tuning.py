"""Search parameters by recall.

autofaiss tunes by timing its own queries, so the same vectors give other parameters, and other
results, on another machine or a busy one. Here a fixed ladder is climbed until a seeded probe is
answered well enough: the same vectors give the same parameters everywhere.
"""

from dataclasses import dataclass

import numpy as np

from engines.indexing import parameters, scan
from engines.indexing.opened import Index

PROBES = 256
K = 10
FILLED = 0.99  # share of the neighbours wanted that must be found at all
SLACK = 1e-6  # two ways of summing 512 products differ by less


@dataclass(frozen=True, slots=True)
class Probe:
    """Queries (n, d), each one's own row or -1, and the score `bar` (n) of its k-th true neighbour."""

    queries: np.ndarray
    own: np.ndarray
    bar: np.ndarray
    k: int

    def recall(self, index: Index) -> float:
        """Share of the k nearest that a search finds, a tie as good as what it ties with."""
        scores, rows = index.search(self.queries, min(self.k + 1, len(index)))
        found = (rows >= 0) & (rows != self.own[:, None]) & (scores >= self.bar[:, None] - SLACK)
        return float(np.minimum(found.sum(axis=1), self.k).mean() / self.k)

    def filled(self, index: Index, wanted: int) -> float:
        """Share of `wanted` slots that a search fills."""
        _, rows = index.search(self.queries, min(wanted, len(index)))
        return float((rows >= 0).mean())


def probe(vectors: np.ndarray, queries: np.ndarray, own: np.ndarray, k: int = K) -> Probe:
    """The truth for `queries` among `vectors` (n, d), by comparing everything."""
    k = min(k, len(vectors) - 1)
    scores, rows = scan.top(scan.blocks(vectors), queries, k + 1)
    scores = np.where(rows == own[:, None], -np.inf, scores)
    return Probe(queries, own, -np.sort(-scores, axis=1)[:, k - 1], k)


def tune(
    index: Index, vectors: np.ndarray, aim: float, *, fill: int, probes: np.ndarray | None = None
) -> tuple[dict[str, int], float]:
    """The narrowest parameters whose recall@10 reaches `aim`, else the broadest; and that recall.

    `vectors` (n, d) are the index's own rows, in random order: the first of them are the probe,
    each without itself among its answers; `probes` (m, d), say texts, are asked as well.
    """
    steps = parameters.ladder(index.key)
    if steps == [{}] or len(vectors) < 2:
        return {}, 1.0
    asked = _probes(vectors, probes)
    for chosen in steps:
        parameters.apply(index.faiss, chosen)
        reached = min(one.recall(index) for one in asked)
        if reached >= aim and asked[0].filled(index, fill) >= FILLED:
            break
    return chosen, reached


def _probes(vectors: np.ndarray, more: np.ndarray | None) -> list[Probe]:
    first = np.array(vectors[:PROBES])
    asked = [probe(vectors, first, np.arange(len(first)))]
    if more is not None and len(more):
        queries = np.asarray(more, np.float32)
        asked.append(probe(vectors, queries, np.full(len(queries), -1)))
    return asked
