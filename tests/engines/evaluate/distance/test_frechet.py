import warnings

import numpy as np
import pytest
import scipy.linalg
import torch

from data.errors import UserError
from engines.evaluate.distance.frechet import (
    compute_frechet,
    frechet_from_features,
    frechet_from_moments,
)
from engines.evaluate.distance.moments import Moments


def given(mean, covariance) -> Moments:
    """Moments of a Gaussian: of two features, whose scatter is their covariance."""
    return Moments(2, np.asarray(mean, float), np.asarray(covariance, float))


def rotation(dim: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(5).standard_normal((dim, dim)))[0]


def legacy(seed: int, first: tuple, second: tuple, scale: float, shift: float):
    """The two sets of a golden number: numpy's legacy generator gives them in any version."""
    random = np.random.RandomState(seed)
    x = random.randn(*first)
    return x, scale * random.randn(*second) + shift


DIAGONAL = (given([0, 1, 2], np.diag([1, 4, 9])), given([1, 1, 0], np.diag([4, 1, 16])))


def test_diagonal_covariances() -> None:
    found = frechet_from_moments(*DIAGONAL)
    assert (found.mean_term, found.trace_term) == pytest.approx((5, 3), rel=1e-12)
    turn = rotation(3)
    turned = [given(turn @ m.mean, turn @ m.scatter @ turn.T) for m in DIAGONAL]
    assert frechet_from_moments(*turned).total == pytest.approx(8, rel=1e-12)


def test_equal_covariances_leave_the_means_alone() -> None:
    assert frechet_from_moments(given([0] * 4, np.eye(4)), given([0.5] * 4, np.eye(4))).total == 1.0


def test_identical_sets_are_at_no_distance() -> None:
    x = np.random.default_rng(0).standard_normal((60, 12))
    assert frechet_from_moments(
        Moments.from_features(x), Moments.from_features(x)
    ).total == pytest.approx(0, abs=1e-12)
    assert compute_frechet(x[:8], x[:8]).total == pytest.approx(0, abs=1e-12)
    same = np.ones((5, 3))
    assert (
        compute_frechet(same, same).total == 0
        and frechet_from_moments(Moments.from_features(same), Moments.from_features(same)).total
        == 0
    )


def test_covariances_that_do_not_commute() -> None:
    found = frechet_from_moments(given([0, 0], [[2, 1], [1, 2]]), given([0, 0], [[3, 0], [0, 1]]))
    assert found.total == pytest.approx(0.5166852264521173, rel=1e-12)


def test_one_dimension() -> None:
    assert frechet_from_moments(given([3], [[4]]), given([1], [[0.25]])).total == pytest.approx(
        4 + 2.25
    )


def test_two_clips_of_each_set_have_a_closed_form() -> None:
    x, y = np.random.default_rng(1).standard_normal((2, 2, 700))
    a, b = (x[0] - x[1]) / np.sqrt(2), (y[0] - y[1]) / np.sqrt(2)
    apart = x.mean(axis=0) - y.mean(axis=0)
    expected = apart @ apart + a @ a + b @ b - 2 * abs(a @ b)
    assert frechet_from_features(x, y).total == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("count", [40, 9])
def test_invariances(count: int) -> None:
    x, y = legacy(11, (count, 10), (count + 3, 10), 0.7, 0.2)
    base, turn = compute_frechet(x, y).total, rotation(10)
    for first, second in ((y, x), (x @ turn, y @ turn), (x[::-1], y[::-1]), (x + 5, y + 5)):
        assert compute_frechet(first, second).total == pytest.approx(base, rel=1e-9)
    assert compute_frechet(3 * x, 3 * y).total == pytest.approx(9 * base, rel=1e-9)


def test_independent_dimensions_add_up() -> None:
    blocks = [legacy(seed, (50, 4), (50, 4), 2.0, 1.0) for seed in (1, 2)]
    pairs = [[Moments.from_features(each) for each in block] for block in blocks]
    joined = [
        given(
            np.concatenate([pair[side].mean for pair in pairs]),
            scipy.linalg.block_diag(*(pair[side].covariance() for pair in pairs)),
        )
        for side in (0, 1)
    ]
    apart = sum(frechet_from_moments(*pair).total for pair in pairs)
    assert frechet_from_moments(*joined).total == pytest.approx(apart, rel=1e-10)


def test_more_of_a_distant_set_is_further_away() -> None:
    x, far = legacy(4, (200, 6), (200, 6), 1.0, 3.0)
    mixed = [
        compute_frechet(x, np.concatenate([x[: 200 - n], far[:n]])).total for n in (0, 20, 60, 120)
    ]
    assert mixed == sorted(mixed) and mixed[1] > 0.01


@pytest.mark.parametrize(
    ("seed", "first", "second", "scale", "shift", "golden"),
    [
        (1234, (64, 16), (48, 16), 0.5, 0.3, 6.8103608893394),
        (1234, (300, 40), (256, 40), 0.5, 0.3, 14.6724840142906),
        (7, (16, 400), (16, 400), 1.0, 0.1, 709.1929317180),
        (7, (256, 400), (256, 400), 1.0, 0.1, 302.1345709608),
        (7, (2, 1024), (2, 1024), 1.0, 0.1, 2961.0477584566),
    ],
)
def test_golden_numbers(seed, first, second, scale, shift, golden) -> None:
    x, y = legacy(seed, first, second, scale, shift)
    found = compute_frechet(x, y)
    assert found.total == pytest.approx(golden, rel=1e-12)
    assert found.route == ("eigh" if min(len(x), len(y)) > x.shape[1] else "nuclear")


def test_eigenvalues_of_few_clips_are_right_to_a_millionth() -> None:
    x, y = legacy(7, (16, 400), (16, 400), 1.0, 0.1)
    found = frechet_from_moments(Moments.from_features(x), Moments.from_features(y)).total
    assert found == pytest.approx(709.1929317180, rel=1e-6)


def test_every_route_gives_the_same_distance() -> None:
    x, y = legacy(1234, (64, 16), (48, 16), 0.5, 0.3)
    one, two = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    apart = x.mean(axis=0) - y.mean(axis=0)
    outer = apart @ apart + np.trace(one) + np.trace(two)
    traces = [
        np.sqrt(np.linalg.eigvals(one @ two).real).sum(),
        np.trace(scipy.linalg.sqrtm(one @ two)).real,
        torch.linalg.eigvals(torch.from_numpy(one @ two)).sqrt().real.sum().item(),
    ]
    for trace in traces:
        assert frechet_from_moments(
            Moments.from_features(x), Moments.from_features(y)
        ).total == pytest.approx(outer - 2 * trace)
    assert frechet_from_features(x, y).total == pytest.approx(outer - 2 * traces[0], rel=1e-12)


def test_a_matrix_that_is_no_covariance_is_warned_of() -> None:
    with pytest.warns(RuntimeWarning, match="eigenvalue"):
        frechet_from_moments(given([0, 0], np.diag([1, -0.5])), given([0, 0], np.eye(2)))


def test_rounding_below_zero_is_silent() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frechet_from_moments(given([0, 0], np.diag([1, -1e-9])), given([0, 0], np.eye(2)))


def test_a_distance_well_below_zero_is_an_error() -> None:
    with pytest.raises(ArithmeticError, match="covariances"):
        from engines.evaluate.distance.frechet import _build_distance

        _build_distance(np.zeros(2), 1.0, 0.6, "eigh")


def test_fewer_than_two_clips_are_refused() -> None:
    x = np.ones((1, 3))
    for call in (
        lambda: frechet_from_moments(Moments.from_features(x), Moments.from_features(x)),
        lambda: compute_frechet(x, np.eye(3)),
    ):
        with pytest.raises(UserError, match="at least two"):
            call()


def test_features_made_in_two_ways_are_not_compared() -> None:
    x = np.eye(3)
    with pytest.raises(UserError, match="specs"):
        frechet_from_moments(Moments.from_features(x, spec="a"), Moments.from_features(x, spec="b"))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_features_that_are_not_finite_are_refused(bad: float) -> None:
    x = np.eye(3)
    x[1, 1] = bad
    with pytest.raises(UserError, match="clip 1"):
        compute_frechet(np.eye(3), x)
    with pytest.raises(UserError, match="not finite"):
        frechet_from_moments(given([0, 0], np.eye(2)), given([0, bad], np.eye(2)))


def test_the_features_given_are_left_as_they_are() -> None:
    x, y = legacy(7, (16, 40), (16, 40), 1.0, 0.1)
    before = x.copy(), y.copy()
    first = compute_frechet(x, y).total
    assert (
        (x == before[0]).all() and (y == before[1]).all() and compute_frechet(x, y).total == first
    )


def test_the_bias_of_few_clips_is_as_published() -> None:
    """Two samples of one Gaussian: what is found of no difference at all."""
    x, y = legacy(0, (64, 400), (64, 400), 1.0, 0.0)
    assert 535 < compute_frechet(x, y).total < 557
