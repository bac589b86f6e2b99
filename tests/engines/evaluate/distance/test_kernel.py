import numpy as np
import pytest

from data.errors import UserError
from engines.evaluate.distance import kernel
from engines.evaluate.distance.kernel import kvd_unbiased


def legacy(first: tuple, second: tuple):
    random = np.random.RandomState(1234)
    x = random.randn(*first)
    return x, 0.5 * random.randn(*second) + 0.3


def test_the_golden_number() -> None:
    assert kvd_unbiased(*legacy((64, 16), (48, 16))) == pytest.approx(0.4176702443234, rel=1e-12)


def test_it_is_the_sum_over_pairs_written_out() -> None:
    x, y = legacy((4, 3), (5, 3))

    def k(a, b):
        return (a @ b / 3 + 1) ** 3

    within = [
        np.mean([k(a, b) for i, a in enumerate(each) for j, b in enumerate(each) if i != j])
        for each in (x, y)
    ]
    across = np.mean([k(a, b) for a in x for b in y])
    assert kvd_unbiased(x, y) == pytest.approx(sum(within) - 2 * across, rel=1e-12)


def test_a_matrix_taken_in_pieces_gives_the_same(monkeypatch) -> None:
    x, y = legacy((64, 16), (48, 16))
    whole = kvd_unbiased(x, y)
    monkeypatch.setattr(kernel, "ROWS", 7)
    assert kvd_unbiased(x, y) == pytest.approx(whole, rel=1e-12)


def test_samples_of_one_distribution_are_at_zero_on_average() -> None:
    random = np.random.default_rng(0)
    found = [kvd_unbiased(*random.standard_normal((2, 12, 4))) for _ in range(300)]
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(300)
    assert min(found) < 0 < max(found)


def test_degree_and_width_of_the_kernel_are_for_the_caller() -> None:
    x, y = legacy((9, 3), (9, 3))
    linear = kvd_unbiased(x, y, degree=1, gamma=1.0, coef0=0.0)
    apart = x.mean(axis=0) - y.mean(axis=0)
    spread = np.var(x, axis=0, ddof=1).sum() / 9 + np.var(y, axis=0, ddof=1).sum() / 9
    assert linear == pytest.approx(apart @ apart - spread, rel=1e-12)


def test_what_has_no_pairs_or_is_not_finite_is_refused() -> None:
    with pytest.raises(UserError, match="at least two"):
        kvd_unbiased(np.ones((1, 3)), np.ones((4, 3)))
    with pytest.raises(UserError, match="not finite"):
        kvd_unbiased(np.full((2, 3), np.nan), np.ones((4, 3)))
