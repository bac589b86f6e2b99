"""The kernel distance of two sets of features: squared maximum mean discrepancy (MMD²)."""

from collections.abc import Callable, Iterator

import numpy as np

from data.errors import UserError
from engines.evaluate.distance.moments import pool_rows

ROWS = 1024  # rows of a kernel matrix in memory at a time


def kvd_unbiased(
    first: np.ndarray,
    second: np.ndarray,
    degree: int = 3,
    gamma: float | None = None,
    coef0: float = 1.0,
) -> float:
    """MMD² of features (n, d) and (m, d) under the kernel (γ x·y + c)^degree; γ defaults to 1 / d.

    The unbiased estimator (Gretton et al. 2012, lemma 6) with the kernel of Bińkowski et al. 2018:
    for two samples of one distribution it is near zero, below as often as above. Features
    (clips, rows, d) are those of all rows.
    """
    x, y = (pool_rows(each) for each in (first, second))
    n, m = len(x), len(y)
    if min(n, m) < 2:
        raise UserError("one clip has no pair: at least two of each set are needed")
    scale = 1 / x.shape[1] if gamma is None else gamma

    def apply_kernel(products: np.ndarray) -> np.ndarray:
        return (scale * products + coef0) ** degree

    # Without the diagonal: pairs of a clip with itself are what biases the other estimator.
    within = [
        _sum_pairs(each, each, apply_kernel) - _sum_diagonal(each, apply_kernel) for each in (x, y)
    ]
    across = _sum_pairs(x, y, apply_kernel) / (n * m)
    return within[0] / (n * (n - 1)) + within[1] / (m * (m - 1)) - 2 * across


def _sum_pairs(
    first: np.ndarray, second: np.ndarray, kernel: Callable[[np.ndarray], np.ndarray]
) -> float:
    """The sum of the kernel over all pairs."""
    return float(sum(kernel(rows @ second.T).sum() for rows in _chunk_rows(first)))


def _sum_diagonal(features: np.ndarray, kernel: Callable[[np.ndarray], np.ndarray]) -> float:
    """The sum of the kernel of each feature with itself."""
    return float(kernel((features**2).sum(axis=1)).sum())


def _chunk_rows(features: np.ndarray) -> Iterator[np.ndarray]:
    return (features[start : start + ROWS] for start in range(0, len(features), ROWS))
