"""What is said of two sets of features: distances, their noise floor, and their spread."""

from dataclasses import dataclass

import numpy as np

from data.errors import UserError
from engines.evaluate.distance.frechet import Distance, between
from engines.evaluate.distance.kernel import kvd_unbiased

DDOF = 1  # covariances are divided by n - 1


@dataclass(frozen=True, slots=True)
class Floor:
    """What is found of no difference at all: two disjoint halves, of `n` clips each, of the real.

    `distance` and `kernel` are those of `n` real and `n` generated clips, to compare it with: a
    Fréchet distance grows as clips get fewer.
    """

    n: int
    floor: Distance
    floor_kernel: float
    distance: Distance
    kernel: float


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean and standard deviation over random subsets of `n` clips of each set."""

    n: int
    subsets: int
    mean: float
    sd: float
    kernel_mean: float
    kernel_sd: float


def noise_floor(real: np.ndarray, generated: np.ndarray) -> Floor | None:
    """Of features in random order; None where there are not four real clips.

    Where fewer clips were generated than half of the real ones are, n is as many.
    """
    n = min(len(real) // 2, len(generated))
    if n < 2:
        return None
    half, other, made = real[:n], real[n : 2 * n], generated[:n]
    return Floor(
        n, between(half, other, DDOF), kvd_unbiased(half, other),
        between(half, made, DDOF), kvd_unbiased(half, made),
    )  # fmt: skip


def spread(
    real: np.ndarray, generated: np.ndarray, subsets: int, size: int, seed: int
) -> Spread | None:
    """Subsets are drawn without replacement: the same ones for whatever was generated.

    None where none were asked for; a UserError where there are fewer clips than in a subset.
    """
    if not subsets:
        return None
    if min(len(real), len(generated)) < size:
        raise UserError(
            f"subsets of {size} clips need as many: there are {len(real)} real and"
            f" {len(generated)} generated ones; ask for a smaller --subset-size"
        )
    found = []
    for number in range(subsets):
        some, made = (
            each[np.random.default_rng([seed, number, side]).permutation(len(each))[:size]]
            for side, each in enumerate((real, generated))
        )
        found.append((between(some, made, DDOF).total, kvd_unbiased(some, made)))
    (mean, kernel_mean), (sd, kernel_sd) = np.mean(found, axis=0), np.std(found, axis=0)
    return Spread(size, subsets, float(mean), float(sd), float(kernel_mean), float(kernel_sd))
