"""Cosines as scikit-learn has them."""

import numpy as np
import pytest

from engines.evaluate.protocol import MissingReference
from engines.evaluate.vision.cosine import compute_cosines


def rows(count: int, dtype=np.float32) -> np.ndarray:
    return np.random.default_rng(count).standard_normal((count, 5)).astype(dtype)


def test_cosines_are_those_of_unit_rows() -> None:
    one, two = rows(3), rows(4)
    wide = [[a @ b / np.linalg.norm(a) / np.linalg.norm(b) for b in two] for a in one.astype(float)]
    assert np.abs(compute_cosines(one, two) - wide).max() < 1e-6


@pytest.mark.parametrize(
    ("one", "two", "found"),
    [("f4", "f4", "f4"), ("f2", "f4", "f8"), ("f2", "f2", "f8"), ("f8", "f4", "f8")],
)
def test_the_precision_is_single_only_where_both_are(one, two, found) -> None:
    assert compute_cosines(rows(2, one), rows(3, two)).dtype == np.dtype(found)


def test_a_zero_row_is_like_nothing() -> None:
    assert compute_cosines(np.zeros((1, 5), np.float32), rows(2)).tolist() == [[0, 0]]


@pytest.mark.parametrize(
    ("seen", "known", "says"),
    [
        (rows(2), rows(0).reshape(0, 5), "no vectors"),
        (rows(2), rows(2)[:, :4], "4.*5"),
        (rows(2), rows(2) * np.inf, "ground truth.*finite"),
        (rows(2) * np.nan, rows(2), "model.*finite"),
    ],
)
def test_what_does_not_compare_is_said(seen, known, says) -> None:
    with pytest.raises(MissingReference, match=says):
        compute_cosines(seen, known)
