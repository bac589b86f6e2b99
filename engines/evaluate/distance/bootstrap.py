"""The paired bootstrap of a difference of distances: the same clips drawn for both sides."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from data.runs.evaluations import MIN_UNITS
from engines.evaluate.statistics import NORMAL

Measure = Callable[[np.ndarray, np.ndarray], float]  # of real and generated features


@dataclass(frozen=True, slots=True)
class DistanceChange:
    """A distance's change against a baseline, with its 95 % interval; None for too few clips."""

    change: float
    low: float | None
    high: float | None


def compare_distances(
    measure: Measure, real: np.ndarray, baseline: np.ndarray, other: np.ndarray,
    replicates: int, seed: int,
) -> DistanceChange:  # fmt: skip
    """The change of `measure(real, ·)` from `baseline` to `other`, whose rows are the same clips.

    The interval is normal, around the change that was observed, with the deviation over
    `replicates` samples of the clips: samples with replacement hold copies, which raises a Fréchet
    distance, so their mean is biased; their deviation is not. Real clips are kept as they are.
    """
    change = measure(real, other) - measure(real, baseline)
    if len(other) < MIN_UNITS:
        return DistanceChange(change, None, None)
    drawn = np.random.default_rng(seed).integers(len(other), size=(replicates, len(other)))
    changes = [measure(real, other[rows]) - measure(real, baseline[rows]) for rows in drawn]
    half = NORMAL * float(np.std(changes, ddof=1))
    return DistanceChange(change, change - half, change + half)
