import io
from itertools import permutations

import numpy as np
import pytest

from data.errors import UserError
from engines.evaluate.distance.frechet import compute_frechet
from engines.evaluate.distance.kernel import kvd_unbiased
from engines.evaluate.distance.moments import Moments

IDS = [f"clip {n}" for n in range(23)]


def drawn(count: int = 23, dim: int = 5, offset: float = 0.0) -> np.ndarray:
    return np.random.default_rng(3).standard_normal((count, dim)) + offset


def gathered(features: np.ndarray, size: int) -> Moments:
    """The moments, `size` features at a time."""
    starts = range(0, len(features), size)
    parts = [Moments.from_features(features[s : s + size], IDS[s : s + size], "x") for s in starts]
    found = parts[0]
    for part in parts[1:]:
        found = found.merge(part)
    return found


@pytest.mark.parametrize("size", [1, 2, 7, 23])
def test_batches_of_any_size_give_the_covariance_of_all_at_once(size: int) -> None:
    features = drawn()
    found = gathered(features, size)
    np.testing.assert_allclose(found.mean, features.mean(axis=0), atol=1e-13)
    np.testing.assert_allclose(found.covariance(), np.cov(features, rowvar=False), atol=1e-13)
    np.testing.assert_allclose(
        found.covariance(ddof=0), np.cov(features, rowvar=False, ddof=0), atol=1e-13
    )


def test_parts_merge_in_any_order() -> None:
    features = drawn()
    parts = [
        Moments.from_features(features[s], [IDS[n] for n in s], "x")
        for s in ([0, 5], range(6, 23), [3])
    ]
    whole = Moments.from_features(features[[0, 5, *range(6, 23), 3]])
    for first, second, third in permutations(parts):
        found = first.merge(second).merge(third)
        np.testing.assert_allclose(found.covariance(), whole.covariance(), atol=1e-13)
        assert (found.n, found.clips) == (20, parts[0].merge(parts[1]).merge(parts[2]).clips)


def test_a_mean_far_above_the_deviation_costs_no_digits() -> None:
    features = drawn(200, offset=1e6)
    found = Moments.from_features(features[:120]).merge(Moments.from_features(features[120:]))
    np.testing.assert_allclose(found.covariance(), np.cov(features, rowvar=False), rtol=1e-8)


def test_single_precision_is_widened_before_anything_is_added_up() -> None:
    features = drawn(500, offset=300.0).astype(np.float32)
    found = Moments.from_features(features)
    assert found.scatter.dtype == np.float64
    wide = np.cov(features.astype(np.float64), rowvar=False)
    np.testing.assert_allclose(found.covariance(), wide, rtol=1e-10)


def test_the_features_given_are_left_as_they_are() -> None:
    features = drawn()
    before = features.copy()
    Moments.from_features(features)
    assert (features == before).all()


def test_what_is_saved_is_loaded_to_the_bit() -> None:
    found, file = Moments.from_features(drawn(), IDS, "spec ab"), io.BytesIO()
    found.save(file)
    file.seek(0)
    again = Moments.load(file)
    assert (again.n, again.spec, again.clips) == (23, "spec ab", found.clips)
    assert (again.mean == found.mean).all() and (again.scatter == found.scatter).all()


def test_a_file_that_holds_objects_is_refused(tmp_path) -> None:
    with (tmp_path / "bad.npz").open("wb") as file:
        Moments.from_features(drawn()).save(file)
    held = dict(np.load(tmp_path / "bad.npz")) | {"n": np.array([object()], dtype=object)}
    np.savez(tmp_path / "bad.npz", **held)
    with (tmp_path / "bad.npz").open("rb") as file, pytest.raises(ValueError, match="pickle"):
        Moments.load(file)


def test_the_clip_list_hangs_on_the_clips_and_not_on_their_order() -> None:
    features = drawn(4)
    there = Moments.from_features(features, ["a", "b", "c", "d"]).clips
    assert there == Moments.from_features(features, ["d", "b", "a", "c"]).clips
    assert there != Moments.from_features(features, ["a", "b", "c", "e"]).clips
    assert there != Moments.from_features(features, ["a", "b", "c", "c"]).clips


def test_features_made_in_two_ways_do_not_merge() -> None:
    with pytest.raises(UserError, match=r"one way.*another"):
        Moments.from_features(drawn(), spec="one way").merge(
            Moments.from_features(drawn(), spec="another")
        )
    with pytest.raises(UserError, match=r"5.*unnamed.*4"):
        Moments.from_features(drawn()).merge(Moments.from_features(drawn(dim=4)))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_feature_that_is_not_finite_is_refused_by_name(bad: float) -> None:
    features = drawn()
    features[7, 2] = bad
    with pytest.raises(UserError, match="clip 7"):
        Moments.from_features(features, IDS)


def test_one_clip_has_no_covariance() -> None:
    with pytest.raises(UserError, match="at least two"):
        Moments.from_features(drawn(1)).covariance()


def test_rows_of_clips_are_pooled_and_a_bad_one_names_its_clip() -> None:
    features = drawn()
    rows, clips = features[:21], features[:21].reshape(7, 3, -1).copy()
    found, flat = Moments.from_features(clips, IDS[:7]), Moments.from_features(rows)
    assert found.n == 21 and np.array_equal(found.scatter, flat.scatter)
    assert compute_frechet(clips, clips[2:]) == compute_frechet(rows, rows[6:])
    assert kvd_unbiased(clips, clips[2:]) == kvd_unbiased(rows, rows[6:])
    clips[4, 2, 0] = np.nan
    with pytest.raises(UserError, match=IDS[4]):
        Moments.from_features(clips, IDS[:7])
