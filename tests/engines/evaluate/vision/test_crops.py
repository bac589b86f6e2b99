"""Things cut out of frames: which boxes pass, and what is white."""

import numpy as np
import pytest

from engines.evaluate.vision.crops import cut_out

HEIGHT, WIDTH = 20, 30
FRAME = np.random.default_rng(0).integers(0, 250, (HEIGHT, WIDTH, 3), dtype=np.uint8)
WHOLE = np.ones((HEIGHT, WIDTH), bool)


def test_what_the_mask_leaves_out_is_white() -> None:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[5:8, 6:9] = True
    seen = cut_out(FRAME, mask, np.array([4, 4, 12, 10]))
    assert seen.shape == (6, 8, 3) and seen.dtype == np.uint8
    assert np.array_equal(seen[1:4, 2:5], FRAME[5:8, 6:9])
    assert (seen.astype(int).sum(axis=2) == 765).sum() == 6 * 8 - 9


@pytest.mark.parametrize(
    ("box", "passes"),
    [
        ((0, 0, WIDTH, HEIGHT), True),
        ((10, 5, WIDTH + 3, 15), True),  # 3 pixels beyond the right edge
        ((10, 5, WIDTH + 4, 15), False),
        ((10, 5, 20, HEIGHT + 3), True),  # 3 below
        ((10, 5, 20, HEIGHT + 4), False),
        ((10, 5, WIDTH + 1, HEIGHT + 1), False),  # beyond both
        ((-1, 5, 20, 15), False),  # a slice from the last column on is empty
        ((10, -2, 20, 15), False),
        ((-1, 5, 2, 15), False),  # empty, though short by 3 pixels alone
        ((10, 5, 10, 15), False),
        ((-8, 5, -2, 15), True),  # as numpy counts: from the right edge
    ],
)
def test_a_box_passes_up_to_three_pixels_beyond_one_edge(box, passes) -> None:
    assert (cut_out(FRAME, WHOLE, np.array(box)) is not None) is passes
