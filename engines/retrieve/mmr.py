"""Choosing what is relevant and yet unlike what was chosen before."""

import numpy as np


def diverse(vectors: np.ndarray, scores: np.ndarray, weight: float, limit: int) -> np.ndarray:
    """Positions of at most `limit` of the unit vectors (n, d), in the order they are chosen.

    Maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998): each maximises `weight` times
    its score less (1 - `weight`) times its largest inner product with those chosen before; equals
    in the order given. At 1 the best scores are chosen.
    """
    wide, relevance = vectors.astype(np.float64), scores.astype(np.float64)
    left, nearest = np.ones(len(wide), bool), np.zeros(len(wide))
    chosen: list[int] = []
    while left.any() and len(chosen) < limit:
        worth = np.where(left, weight * relevance - (1 - weight) * nearest, -np.inf)
        best = int(np.argmax(worth))
        # Products row by row: a matrix product rounds by the number of rows.
        alike = (wide * wide[best]).sum(axis=1)
        nearest = np.maximum(nearest, alike) if chosen else alike
        left[best] = False
        chosen.append(best)
    return np.array(chosen, dtype=np.int64)
