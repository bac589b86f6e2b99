import numpy as np
import pytest
import torch

from engines.embed.batching import FittingBatch, PaddedBatch


def limited(limit, error=MemoryError):
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
@pytest.mark.parametrize("error", [torch.OutOfMemoryError, MemoryError])
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
    with pytest.raises(MemoryError):
        FittingBatch(8).apply(run, np.arange(8))


def test_other_errors_are_not_tried_again():
    run, asked = limited(0, ValueError)
    with pytest.raises(ValueError):
        FittingBatch(8).apply(run, np.arange(8))
    assert asked == [8]


@pytest.mark.parametrize(("least", "most"), [(16, None), (16, 16), (16, 64)])
@pytest.mark.parametrize("rows", [1, 15, 16, 17, 64, 65])
def test_a_batch_is_padded_to_its_least_size_and_the_padding_is_dropped(rows, least, most):
    run, asked = limited(1000)
    found = PaddedBatch(least, most).apply(run, np.arange(rows))
    assert found.tolist() == list(range(0, 2 * rows, 2))
    assert min(asked) >= least and max(asked) <= (most or max(rows, least))


def test_padding_does_not_undo_the_halving_of_a_batch_that_did_not_fit(caplog):
    run, asked = limited(5)
    padded, fitting = PaddedBatch(16), FittingBatch(64)
    found = fitting.apply(lambda rows: padded.apply(run, rows), np.arange(64))
    assert found.tolist() == list(range(0, 128, 2))
    assert (fitting.size, padded.least) == (4, 4)
    assert "last bits" in caplog.text
    asked.clear()
    fitting.apply(lambda rows: padded.apply(run, rows), np.arange(9))
    assert asked == [4, 4, 4]  # padded to the halved size, and not to the first
