"""Intervals: of prompts and not of videos, calibrated, and none where units are few."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import stdtrit
from support.traced import trace_peak

from data.runs.evaluations import MIN_UNITS
from engines.evaluate.statistics import Interval, _student_quantile, estimate_mean

TRIALS = 2000
Draw = Callable[[np.random.Generator, int, int], tuple[np.ndarray, float]]


def scores(rng: np.random.Generator, prompts: int, samples: int) -> tuple[np.ndarray, float]:
    """Similarities of which half of the variance is the prompt's; their true mean."""
    of_prompt = rng.normal(0.3, 0.05, (prompts, 1))
    return of_prompt + rng.normal(0, 0.05, (prompts, samples)), 0.3


def verdicts(rng: np.random.Generator, prompts: int, samples: int) -> tuple[np.ndarray, float]:
    """Right or wrong, with any share of right ones, alike within a prompt."""
    share = rng.uniform(0.05, 0.95)
    of_prompt = rng.beta(share * 2, (1 - share) * 2, (prompts, 1))
    return (rng.random((prompts, samples)) < of_prompt).astype(float), share


def differences(rng: np.random.Generator, prompts: int, samples: int) -> tuple[np.ndarray, float]:
    """Paired differences of scores without an effect: a clip changes all samples of a prompt."""
    of_prompt = rng.normal(0, 0.03, (prompts, 1))
    return of_prompt + rng.normal(0, 0.03, (prompts, samples)), 0.0


def gains(rng: np.random.Generator, prompts: int, samples: int) -> tuple[np.ndarray, float]:
    """Paired differences of verdicts without an effect, in each direction as often."""
    before, after = (verdicts_of(rng, prompts, samples) for _ in range(2))
    return after - before, 0.0


def verdicts_of(rng: np.random.Generator, prompts: int, samples: int) -> np.ndarray:
    return (rng.random((prompts, samples)) < rng.beta(1, 1, (prompts, 1))).astype(float)


def interval(values: np.ndarray, paired: bool) -> Interval:
    prompts, samples = values.shape
    return estimate_mean(values.ravel(), np.repeat(np.arange(prompts), samples), paired)


@pytest.mark.parametrize("samples", [1, 4])
@pytest.mark.parametrize("prompts", [MIN_UNITS, 20, 60])
@pytest.mark.parametrize("draw", [scores, verdicts, differences, gains])
def test_95_percent_of_intervals_hold_the_true_mean(draw: Draw, prompts: int, samples: int) -> None:
    rng, held = np.random.default_rng([prompts, samples]), 0
    for _ in range(TRIALS):
        values, true = draw(rng, prompts, samples)
        found = interval(values, paired=draw in (differences, gains))
        held += found.low <= true <= found.high
    assert 0.93 <= held / TRIALS <= 0.97


@pytest.mark.parametrize("prompts", [MIN_UNITS, 20, 60])
@pytest.mark.parametrize("draw", [scores, verdicts, differences, gains])
def test_so_do_those_of_prompts_that_lack_some_of_their_samples(draw: Draw, prompts: int) -> None:
    """As on a leaderboard, where videos failed or were not measured."""
    rng, held = np.random.default_rng(prompts), 0
    for _ in range(TRIALS):
        values, true = draw(rng, prompts, 4)
        there = np.arange(4) < rng.integers(2, 5, (prompts, 1))
        units = np.nonzero(there)[0]
        found = estimate_mean(values[there], units, paired=draw in (differences, gains))
        held += found.low <= true <= found.high
    assert 0.93 <= held / TRIALS <= 0.97


def test_more_samples_of_the_same_prompts_leave_the_interval_as_wide() -> None:
    values = np.random.default_rng(1).normal(3, 2, 40)
    once, often = (interval(np.repeat(values[:, None], n, 1), paired=False) for n in (1, 4))
    assert once.units == often.units == 40
    assert (often.low, often.high) == pytest.approx((once.low, once.high))


def test_prompts_that_lack_samples_count_by_those_that_they_have() -> None:
    units = ["a"] * 3 + list("bcdefgh")
    found = estimate_mean(np.array([0.9] * 3 + [0.1] * 7), units)
    assert found.mean == pytest.approx(0.34) and found.units == 8
    assert found.low < 0.34 < found.high


def test_fewer_than_eight_prompts_have_no_interval_however_many_samples() -> None:
    values = np.random.default_rng(1).normal(size=(7, 4))
    found = interval(values, paired=False)
    assert (found.low, found.high, found.units) == (None, None, 7)
    assert interval(np.vstack([values, values[:1]]), paired=False).low is not None
    with pytest.raises(ValueError):
        estimate_mean(np.array([]))


def test_verdicts_that_all_agree_leave_doubt_and_differences_that_all_agree_none() -> None:
    found = estimate_mean(np.ones(10))
    assert 0.65 < found.low < 0.75 and found.mean == found.high == 1
    found = estimate_mean(np.zeros(10))
    assert found.low == found.mean == 0 and 0.25 < found.high < 0.35
    found = estimate_mean(np.zeros(10), paired=True)
    assert found.low == found.mean == found.high == 0


def test_the_quantile_is_that_of_student() -> None:
    for freedom in (7, 8, 12, 30, 1000):
        assert _student_quantile(freedom) == pytest.approx(stdtrit(freedom, 0.975), abs=1e-4)


def test_memory_grows_with_the_values_alone() -> None:
    """Resampling 100,000 values ten thousand times took 15 GB."""
    assert trace_peak(_estimate_many) < 100 << 20


def _estimate_many() -> None:
    values, units = np.random.default_rng(1).normal(size=100_000), np.arange(100_000) // 4
    assert estimate_mean(values, units.astype(str)).units == 25_000
