import numpy as np
import pytest

from engines.evaluate.statistics import bootstrap_mean


def test_the_interval_is_as_wide_as_the_normal_approximation_for_many_values() -> None:
    values = np.random.default_rng(1).normal(3, 2, 400)
    found = bootstrap_mean(values)
    assert found.mean == pytest.approx(values.mean())
    half = 1.96 * values.std() / 20
    assert found.low == pytest.approx(found.mean - half, abs=0.03)
    assert found.high == pytest.approx(found.mean + half, abs=0.03)


def test_95_percent_of_intervals_hold_the_true_mean() -> None:
    rng = np.random.default_rng(2)
    found = [bootstrap_mean(rng.normal(0, 1, 60)) for _ in range(200)]
    assert 0.88 <= np.mean([i.low <= 0 <= i.high for i in found]) <= 0.99


def test_equal_values_leave_no_doubt_and_none_have_no_mean() -> None:
    found = bootstrap_mean(np.ones(5))
    assert (found.mean, found.low, found.high) == (1, 1, 1)
    with pytest.raises(ValueError):
        bootstrap_mean(np.array([]))
