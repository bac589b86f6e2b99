import numpy as np
import pytest

from engines.embed.batching import FittingBatch


class OutOfMemoryError(RuntimeError):
    """As torch's, which is known by its name alone."""


def limited(limit, error=OutOfMemoryError):
    """Doubles at most `limit` rows at a time, and lists the sizes it was asked for."""
    asked = []

    def run(rows):
        asked.append(len(rows))
        if len(rows) > limit:
            raise error("too much")
        return 2 * rows

    return run, asked


@pytest.mark.parametrize("rows", [1, 2, 7, 64, 65, 200])
@pytest.mark.parametrize("limit", [1, 3, 16, 1000])
@pytest.mark.parametrize("error", [OutOfMemoryError, MemoryError])
def test_every_row_comes_back_in_order_whatever_fits(rows, limit, error):
    run, _ = limited(limit, error)
    found = FittingBatch(64).apply(run, np.arange(rows))
    assert found.tolist() == list(range(0, 2 * rows, 2))


def test_the_size_that_fitted_is_remembered():
    run, asked = limited(20)
    batch = FittingBatch(64)
    batch.apply(run, np.arange(64))
    assert asked == [64, 32, 16, 16, 16, 16] and batch.size == 16
    asked.clear()
    batch.apply(run, np.arange(64))
    assert asked == [16, 16, 16, 16]


def test_a_short_batch_is_halved_from_its_own_size():
    run, asked = limited(4)
    FittingBatch(64).apply(run, np.arange(10))
    assert asked == [10, 5, 2, 2, 2, 2, 2]


def test_one_row_that_is_too_much_is_an_error():
    run, _ = limited(0)
    with pytest.raises(OutOfMemoryError):
        FittingBatch(8).apply(run, np.arange(8))


def test_other_errors_are_not_tried_again():
    run, asked = limited(0, ValueError)
    with pytest.raises(ValueError):
        FittingBatch(8).apply(run, np.arange(8))
    assert asked == [8]
