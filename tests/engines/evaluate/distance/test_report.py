import numpy as np
import pytest

from data.errors import UserError
from engines.evaluate.distance.frechet import compute_frechet
from engines.evaluate.distance.kernel import kvd_unbiased
from engines.evaluate.distance.report import compute_noise_floor, compute_spread


def sets(real: int, generated: int, shift: float = 0.5):
    random = np.random.default_rng(2)
    return random.standard_normal((real, 6)), random.standard_normal((generated, 6)) + shift


def test_the_floor_is_of_disjoint_halves_and_has_the_distance_of_as_many_beside_it() -> None:
    real, generated = sets(21, 30)
    found = compute_noise_floor(real, generated)
    assert found.n == 10
    assert found.floor == compute_frechet(real[:10], real[10:20])
    assert found.floor_kernel == kvd_unbiased(real[:10], real[10:20])
    assert found.distance == compute_frechet(real[:10], generated[:10])
    assert found.kernel == kvd_unbiased(real[:10], generated[:10])


def test_few_generated_clips_bound_the_floor_s_number() -> None:
    assert compute_noise_floor(*sets(40, 7)).n == 7


def test_three_real_clips_have_no_halves() -> None:
    assert compute_noise_floor(*sets(3, 9)) is None


def test_subsets_are_drawn_without_replacement_and_the_same_for_any_rival() -> None:
    real, generated = sets(30, 30)
    whole = compute_spread(real, generated, 4, 30, seed=1)
    assert whole.sd == pytest.approx(0, abs=1e-10)  # a draw of all is all of them
    assert whole.mean == pytest.approx(compute_frechet(real, generated).total, rel=1e-9)
    assert compute_spread(real, generated, 4, 12, seed=1) == compute_spread(
        real, generated, 4, 12, seed=1
    )
    assert compute_spread(real, generated, 4, 12, seed=1) != compute_spread(
        real, generated, 4, 12, seed=2
    )
    alike = compute_spread(real, real.copy(), 5, 12, seed=1)
    assert alike.sd > 0 and alike.kernel_sd > 0


def test_subsets_larger_than_a_set_are_refused() -> None:
    assert compute_spread(*sets(9, 9), subsets=0, size=256, seed=0) is None
    with pytest.raises(UserError, match="--subset-size"):
        compute_spread(*sets(9, 20), subsets=2, size=10, seed=0)
