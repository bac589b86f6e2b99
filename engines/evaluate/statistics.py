"""Means with intervals, by resampling what was measured."""

from dataclasses import dataclass

import numpy as np

RESAMPLES = 10_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean, and the percentile bootstrap's interval around it (Efron 1979)."""

    mean: float
    low: float
    high: float


def interval(values: np.ndarray, share: float = 0.95, seed: int = 0) -> Interval:
    """The mean of (n,) values and the interval that holds `share` of its resampled means.

    For a paired difference, give the differences. The same values give the same interval.
    """
    if len(values) == 0:
        raise ValueError("no values to take the mean of")
    drawn = np.random.default_rng(seed).integers(len(values), size=(RESAMPLES, len(values)))
    low, high = np.quantile(values[drawn].mean(axis=1), [(1 - share) / 2, (1 + share) / 2])
    return Interval(float(values.mean()), float(low), float(high))
