"""Cosine similarity of vectors, in the precision of scikit-learn's `cosine_similarity`."""

import numpy as np

from engines.evaluate.protocol import MissingReference


def compute_cosines(vectors: np.ndarray, references: np.ndarray) -> np.ndarray:
    """(n, m) cosines of rows (n, d) and (m, d): float32 if both are, else float64.

    A zero row gives 0. Raises `MissingReference` if there are no references, they have another
    dimension, or a vector is not finite.
    """
    if not len(references):
        raise MissingReference("the ground truth has no vectors")
    if references.shape[1] != vectors.shape[1]:
        raise MissingReference(
            f"ground truth vectors have {references.shape[1]} dimensions, the model's have"
            f" {vectors.shape[1]}: they come from different models"
        )
    for source, rows in (("ground truth", references), ("model", vectors)):
        if not np.isfinite(rows).all():
            raise MissingReference(f"vectors of the {source} are not finite")
    # scikit-learn's rule, which the published evaluation uses: half precision becomes double.
    single = all(rows.dtype == np.float32 for rows in (vectors, references))
    dtype = np.float32 if single else np.float64
    return _normalise_rows(vectors.astype(dtype)) @ _normalise_rows(references.astype(dtype)).T


def _normalise_rows(rows: np.ndarray) -> np.ndarray:
    norms = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    return rows / np.where(norms == 0, 1, norms)[:, None]
