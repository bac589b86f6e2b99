"""The paired bootstrap of distances: its interval covers no change, and excludes a large one."""

import numpy as np

from engines.evaluate.distance.bootstrap import compare_distances
from engines.evaluate.distance.kernel import kvd_unbiased


def features(seed: int, shift: float = 0.0, count: int = 40) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, 4)) + shift


def test_no_change_is_exactly_zero_and_a_shift_is_found() -> None:
    real, made = features(0), features(1)
    same = compare_distances(kvd_unbiased, real, made, made.copy(), 50, 0)
    assert (same.change, same.low, same.high) == (0, 0, 0)
    worse = compare_distances(kvd_unbiased, real, made, made + 1, 50, 0)
    assert worse.low is not None and 0 < worse.low < worse.change < worse.high
    assert worse == compare_distances(kvd_unbiased, real, made, made + 1, 50, 0)


def test_noise_of_the_same_size_is_no_change() -> None:
    """Of 40 pairs of samples without a difference, nearly all intervals include zero."""
    hits = 0
    for seed in range(40):
        rng = np.random.default_rng([seed, 9])
        base = features(100 + seed)
        one, two = base + 0.3 * rng.standard_normal((2, *base.shape))
        found = compare_distances(kvd_unbiased, features(0, count=200), one, two, 60, seed)
        hits += found.low <= 0 <= found.high
    assert hits >= 34


def test_too_few_clips_have_no_interval() -> None:
    few = features(2, count=7)
    found = compare_distances(kvd_unbiased, features(0), few, few + 1, 50, 0)
    assert found.change > 0 and found.low is None and found.high is None
