"""How alike two spaces of vectors are to those who search in them."""

import numpy as np


def overlap(first: np.ndarray, second: np.ndarray, k: int) -> float:
    """The share of a row's k nearest that both (n, d) sets of unit vectors agree on, averaged."""
    one, other = nearest(first, k), nearest(second, k)
    return float(np.mean([len(np.intersect1d(a, b)) / k for a, b in zip(one, other, strict=True)]))


def nearest(vectors: np.ndarray, k: int) -> np.ndarray:
    """(n, k) rows most alike to each row of the (n, d) unit vectors, itself left out."""
    alike = vectors @ vectors.T
    np.fill_diagonal(alike, -np.inf)
    return np.argsort(-alike, axis=1, kind="stable")[:, :k]


def recall(queries: np.ndarray, vectors: np.ndarray, k: int) -> float:
    """The share of queries (n, d) that find their own row of the (n, d) vectors among k."""
    alike = queries @ vectors.T
    own = np.diag(alike)
    return float(np.mean((alike > own[:, None]).sum(axis=1) < k))
