import numpy as np
from support.clustered import clustered

from engines.index.scan import scan_top_k, split_blocks


def test_blocks_give_what_one_piece_gives() -> None:
    vectors, queries = clustered(300, 8), clustered(9, 8, seed=1)
    whole = scan_top_k(split_blocks(vectors), queries, 7)
    for size in (1, 13, 299):
        scores, rows = scan_top_k(split_blocks(vectors, size), queries, 7)
        np.testing.assert_array_equal(rows, whole[1])
        np.testing.assert_allclose(scores, whole[0], atol=1e-6)


def test_equal_scores_go_by_row() -> None:
    _, rows = scan_top_k(split_blocks(np.ones((6, 2)), 2), np.ones((1, 2), np.float32), 3)
    assert rows.tolist() == [[0, 1, 2]]


def test_what_is_not_finite_is_never_found() -> None:
    vectors = np.array([[np.nan, 0], [1, 0], [np.inf, 0]], np.float32)
    scores, rows = scan_top_k(split_blocks(vectors), np.array([[1, 0]], np.float32), 3)
    assert rows.tolist() == [[1, -1, -1]]
    assert scores.tolist() == [[1.0, -np.inf, -np.inf]]


def test_nothing_to_search_leaves_every_slot_unfilled() -> None:
    scores, rows = scan_top_k([], np.ones((2, 3), np.float32), 4)
    assert (rows == -1).all() and np.isneginf(scores).all() and rows.shape == (2, 4)
