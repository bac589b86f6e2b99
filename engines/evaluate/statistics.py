"""Means with bootstrap confidence intervals."""

from dataclasses import dataclass

import numpy as np

RESAMPLES = 10_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and its percentile bootstrap confidence interval (Efron 1979)."""

    mean: float
    low: float
    high: float


def bootstrap_mean(values: np.ndarray, share: float = 0.95, seed: int = 0) -> Interval:
    """The mean of (n,) values and the interval that holds `share` of the resampled means.

    For a paired difference, pass the differences. The same values give the same interval.
    """
    if len(values) == 0:
        raise ValueError("cannot take the mean of no values")
    # The seed is fixed: a report rendered twice from the same scores must be the same file.
    resamples = np.random.default_rng(seed).integers(len(values), size=(RESAMPLES, len(values)))
    low, high = np.quantile(values[resamples].mean(axis=1), [(1 - share) / 2, (1 + share) / 2])
    return Interval(float(values.mean()), float(low), float(high))
