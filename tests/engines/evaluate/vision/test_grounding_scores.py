"""Which query shows which tag: of probabilities made by hand."""

import numpy as np
import pytest

from engines.evaluate.vision import grounding_scores as found


def probabilities(*rows: dict[int, float]) -> np.ndarray:
    """(q, 256) of what each query has at some places, 0 elsewhere."""
    full = np.zeros((len(rows), 256), np.float32)
    for row, said in zip(full, rows, strict=True):
        for place, value in said.items():
            row[place] = value
    return full


def test_the_caption_has_the_tags_between_dots() -> None:
    assert found.build_caption(["man", "Blue Cap", "horse"]) == "man . blue cap . horse."
    assert found.build_caption([" cat "]) == "cat."


def test_a_tag_is_marked_wherever_its_word_pieces_follow_each_other() -> None:
    text = [101, 7, 1012, 8, 9, 1012, 9, 1012, 102]  # man . blue cap . cap.
    masks = found.mask_tokens([[7], [8, 9], [9], [9, 8], []], text)
    assert masks.shape == (5, 256)
    assert [np.flatnonzero(mask).tolist() for mask in masks] == [[1], [3, 4], [4, 6], [], []]


def test_a_score_is_half_the_best_and_half_the_mean_of_the_pieces() -> None:
    masks = found.mask_tokens([[8, 9], [7]], [101, 8, 9, 1012, 7, 102])
    fits = found.score_tags(probabilities({1: 0.5, 2: 0.25, 4: 0.75}, {3: 1.0}), masks)
    np.testing.assert_allclose(fits, [[(0.5 + 0.375) / 2, 0.75], [0, 0]])


def test_a_tag_without_pieces_is_nowhere() -> None:
    fits = found.score_tags(probabilities({1: 0.5}), found.mask_tokens([[8], [9]], [101, 8, 102]))
    np.testing.assert_allclose(fits, [[0.5, 0]])


def test_a_query_belongs_to_the_tag_that_it_fits_best_and_to_no_other() -> None:
    fits = np.array([[0.9, 0.8], [0.5, 0.6], [0.3, 0.1]])
    queries, scores = found.assign_queries(fits)
    assert queries.tolist() == [0, 1]  # not query 0 for the second tag, though it has 0.8
    assert scores.tolist() == [0.9, 0.6]


def test_the_first_wins_a_tie_of_tags_and_one_of_queries() -> None:
    queries, scores = found.assign_queries(np.array([[0.25, 0.25], [0.25, 0.25], [0.0, 0.125]]))
    assert queries.tolist() == [0, 2]
    assert scores.tolist() == [0.25, 0.125]


def test_a_tag_that_no_query_belongs_to_is_not_found() -> None:
    assert found.assign_queries(np.array([[0.9, 0.8]]))[1].tolist() == [0.9, -1]


@pytest.mark.parametrize(
    ("box", "free", "clipped"),
    [
        ([0.5, 0.5, 0.5, 0.5], [25, 50, 75, 150], [25, 50, 75, 150]),
        ([0.509, 0.5, 0.5, 0.5], [25, 50, 75, 150], [25, 50, 75, 150]),
        ([0.1, 0.1, 0.215, 0.215], [0, -1, 20, 41], [0, 0, 20, 41]),
        ([0.9, 0.9, 0.25, 0.5], [77, 130, 102, 230], [77, 130, 100, 200]),
    ],
)
def test_boxes_are_cut_towards_zero_and_end_at_the_frame_where_asked(box, free, clipped) -> None:
    boxes, size = np.array([box], np.float32), (200, 100)
    assert found.to_pixel_boxes(boxes, size).tolist() == [free]
    assert found.to_pixel_boxes(boxes, size, clip=True).tolist() == [clipped]
