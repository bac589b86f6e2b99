"""Statistics about the distances of two sets of features: noise floor and spread."""

from dataclasses import dataclass

import numpy as np

from data.errors import UserError
from engines.evaluate.distance.frechet import Distance, compute_frechet
from engines.evaluate.distance.kernel import kvd_unbiased

DDOF = 1  # covariances are divided by n - 1


@dataclass(frozen=True, slots=True)
class NoiseFloor:
    """The distances of two disjoint halves of the real clips, `n` clips each.

    `distance` and `kernel` are those of `n` real and `n` generated clips, to compare with the
    floor: a Fréchet distance is biased by about 1/n, so only equal n compare.
    """

    n: int
    floor: Distance
    floor_kernel: float
    distance: Distance
    kernel: float


@dataclass(frozen=True, slots=True)
class SubsetSpread:
    """Mean and standard deviation over random subsets of `n` clips of each set."""

    n: int
    subsets: int
    mean: float
    sd: float
    kernel_mean: float
    kernel_sd: float


def compute_noise_floor(real: np.ndarray, generated: np.ndarray) -> NoiseFloor | None:
    """The noise floor of features in random order; None with fewer than four real clips.

    n is half the number of real clips, or the number of generated ones if that is smaller.
    """
    n = min(len(real) // 2, len(generated))
    if n < 2:
        return None
    half, other, sample = real[:n], real[n : 2 * n], generated[:n]
    return NoiseFloor(
        n, compute_frechet(half, other, DDOF), kvd_unbiased(half, other),
        compute_frechet(half, sample, DDOF), kvd_unbiased(half, sample),
    )  # fmt: skip


def compute_spread(
    real: np.ndarray, generated: np.ndarray, subsets: int, size: int, seed: int
) -> SubsetSpread | None:
    """Mean and deviation of both distances over random subsets, drawn without replacement.

    None if `subsets` is 0; raises UserError if a set has fewer clips than `size`.
    """
    if not subsets:
        return None
    if min(len(real), len(generated)) < size:
        raise UserError(
            f"subsets of {size} clips need at least as many: there are {len(real)} real and"
            f" {len(generated)} generated clips. Use a smaller --subset-size"
        )
    distances = []
    for number in range(subsets):
        # Seeded by side, so that two models are compared on the same real subsets.
        real_subset, generated_subset = (
            each[np.random.default_rng([seed, number, side]).permutation(len(each))[:size]]
            for side, each in enumerate((real, generated))
        )
        subset_distance = compute_frechet(real_subset, generated_subset, DDOF).total
        distances.append((subset_distance, kvd_unbiased(real_subset, generated_subset)))
    mean, kernel_mean = np.mean(distances, axis=0)
    sd, kernel_sd = np.std(distances, axis=0)
    return SubsetSpread(size, subsets, float(mean), float(sd), float(kernel_mean), float(kernel_sd))
