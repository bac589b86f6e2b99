"""The kernel distance of two sets of features: squared maximum mean discrepancy."""

from collections.abc import Callable, Iterator

import numpy as np

from data.errors import UserError
from engines.evaluate.distance.moments import finite

ROWS = 1024  # of a kernel matrix at a time


def kvd_unbiased(
    first: np.ndarray,
    second: np.ndarray,
    degree: int = 3,
    gamma: float | None = None,
    coef0: float = 1.0,
) -> float:
    """MMD² of features (n, d) and (m, d) under (γ x·y + c)^degree; γ is 1 / d unless given.

    The unbiased estimator (Gretton et al. 2012, lemma 6), the kernel of Bińkowski et al. 2018:
    about zero for two samples of one distribution, and then below zero as often as above.
    """
    x, y = (finite(each).astype(np.float64) for each in (first, second))
    n, m = len(x), len(y)
    if min(n, m) < 2:
        raise UserError("one clip has no pair: give at least two of each set")
    scale = 1 / x.shape[1] if gamma is None else gamma

    def kernel(products: np.ndarray) -> np.ndarray:
        return (scale * products + coef0) ** degree

    within = [(_sum(each, each, kernel) - _diagonal(each, kernel)) for each in (x, y)]
    across = _sum(x, y, kernel) / (n * m)
    return within[0] / (n * (n - 1)) + within[1] / (m * (m - 1)) - 2 * across


def _sum(
    first: np.ndarray, second: np.ndarray, kernel: Callable[[np.ndarray], np.ndarray]
) -> float:
    """The kernel summed over all pairs."""
    return float(sum(kernel(rows @ second.T).sum() for rows in _rows(first)))


def _diagonal(features: np.ndarray, kernel: Callable[[np.ndarray], np.ndarray]) -> float:
    """The kernel summed over each feature with itself."""
    return float(kernel((features**2).sum(axis=1)).sum())


def _rows(features: np.ndarray) -> Iterator[np.ndarray]:
    return (features[start : start + ROWS] for start in range(0, len(features), ROWS))
