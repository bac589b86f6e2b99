"""Cosines of vectors, in the precision that scikit-learn's `cosine_similarity` takes for them."""

import numpy as np

from engines.evaluate.protocol import Missing


def cosines(seen: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(n, m) of rows (n, d) and (m, d): float32 where both are, else float64; 0 for a zero row.

    `known` is what a benchmark has: `Missing` where it has none, or nothing that compares.
    """
    if not len(known):
        raise Missing("the ground truth has no vectors")
    if known.shape[1] != seen.shape[1]:
        raise Missing(
            f"the ground truth has vectors of {known.shape[1]} numbers, the model gives"
            f" {seen.shape[1]}: they are of different models"
        )
    for whose, rows in (("ground truth", known), ("model", seen)):
        if not np.isfinite(rows).all():
            raise Missing(f"the vectors of the {whose} are not finite")
    both = all(rows.dtype == np.float32 for rows in (seen, known))
    wide = np.float32 if both else np.float64
    return _unit(seen.astype(wide)) @ _unit(known.astype(wide)).T


def _unit(rows: np.ndarray) -> np.ndarray:
    norms = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    return rows / np.where(norms == 0, 1, norms)[:, None]
