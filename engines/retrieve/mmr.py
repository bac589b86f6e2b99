"""Chooses results that are relevant and yet differ from those chosen before."""

import numpy as np


def pick_diverse(vectors: np.ndarray, scores: np.ndarray, weight: float, limit: int) -> np.ndarray:
    """Positions of at most `limit` of the unit vectors (n, d), in the order they are chosen.

    Maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998): each maximises `weight` times
    its score less (1 - `weight`) times its largest inner product with those chosen before; equals
    in the order given. A weight of 1 ranks by score alone.
    """
    wide, relevance = vectors.astype(np.float64), scores.astype(np.float64)
    left, nearest = np.ones(len(wide), bool), np.zeros(len(wide))
    chosen: list[int] = []
    while left.any() and len(chosen) < limit:
        values = np.where(left, weight * relevance - (1 - weight) * nearest, -np.inf)
        best = int(np.argmax(values))
        # Products row by row: a matrix product rounds by the number of rows.
        products = (wide * wide[best]).sum(axis=1)
        nearest = np.maximum(nearest, products) if chosen else products
        left[best] = False
        chosen.append(best)
    return np.array(chosen, dtype=np.int64)
