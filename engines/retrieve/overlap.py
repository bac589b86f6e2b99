"""Compares two spaces of vectors by what a search in them finds."""

import numpy as np


def compute_overlap(first: np.ndarray, second: np.ndarray, k: int) -> float:
    """The mean share of a row's k nearest that both (n, d) sets of unit vectors agree on."""
    pairs = zip(find_nearest(first, k), find_nearest(second, k), strict=True)
    return float(np.mean([len(np.intersect1d(a, b)) / k for a, b in pairs]))


def find_nearest(vectors: np.ndarray, k: int) -> np.ndarray:
    """(n, k) rows most similar to each row of the (n, d) unit vectors, itself excluded."""
    products = vectors @ vectors.T
    np.fill_diagonal(products, -np.inf)
    return np.argsort(-products, axis=1, kind="stable")[:, :k]


def compute_recall(queries: np.ndarray, vectors: np.ndarray, k: int) -> float:
    """The share of queries (n, d) that find their own row of the (n, d) vectors among k."""
    products = queries @ vectors.T
    own = np.diag(products)
    return float(np.mean((products > own[:, None]).sum(axis=1) < k))
