"""Corruptions: one hole convention, exact shares, no box lost at a border, seeded."""

import numpy as np
import pytest

from data.errors import UserError
from data.specs.refine import RefineSpec
from engines.base import list_plugins
from engines.refine.corrupt import corrupt_clip
from engines.refine.plugins import build_corruption
from engines.refine.randomness import open_rng

NAMES = list_plugins("refine.corruptions")
BOXED = {  # options, and the voxels that one box has
    "tensor_mask": ({}, 16 * 16 * 3), "blur": ({}, 16 * 16 * 3), "pixelate": ({}, 16 * 16 * 3),
    "jpeg": ({"boxes": 4}, 16 * 16 * 3),
}  # fmt: skip


def corrupt(name: str, clip: np.ndarray, seed: int = 0, **options: object):
    spec = RefineSpec(corruption=name, corruption_options=options)
    out = np.empty_like(clip)
    corruption = build_corruption(spec)
    holes = corrupt_clip(corruption, clip, lambda *place: open_rng(seed, "c", 1, *place), out)
    return out, holes


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(7).random((*shape, 3), np.float32)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(16, 64, 64), (5, 33, 47), (1, 7, 5)])
def test_a_corruption_is_seeded_and_bit_equal_outside_its_holes(name: str, shape) -> None:
    clip = noise(*shape)
    copy = clip.copy()
    out, holes = corrupt(name, clip)
    again, same = corrupt(name, clip)
    other, _ = corrupt(name, clip, seed=1)
    assert np.array_equal(clip, copy)
    assert out.dtype == np.float32 and out.shape == clip.shape and holes.shape == shape
    assert holes.dtype == bool and holes.any()
    assert np.array_equal(out[~holes], clip[~holes])
    assert (out[holes] != clip[holes]).any()
    assert np.array_equal(out, again) and np.array_equal(holes, same)
    assert out.min() >= 0 and out.max() <= 1
    if shape[1] > 16 and name != "jpeg":
        assert not np.array_equal(out, other)


@pytest.mark.parametrize("name", BOXED)
def test_no_box_is_lost_at_a_border(name: str) -> None:
    """Published, 17 to 21 % of boxes had a negative start, and were empty slices."""
    options, volume = BOXED[name]
    for seed in range(100):
        _, holes = corrupt(name, np.zeros((8, 64, 64, 3), np.float32), seed, **options)
        assert holes.sum() == 4 * volume


def test_boxes_reach_every_border_and_fit_clips_of_any_size() -> None:
    options = {"boxes": 1, "height": 20, "width": 30, "depth": 5}
    hits = np.zeros((9, 40, 50), int)
    for seed in range(300):
        hits += corrupt("tensor_mask", noise(9, 40, 50), seed, **options)[1]
    assert hits[0].any() and hits[-1].any()
    assert hits[:, 0].any() and hits[:, -1].any() and hits[:, :, 0].any() and hits[:, :, -1].any()
    _, all_of_it = corrupt("tensor_mask", noise(2, 8, 8), **options)
    assert all_of_it.all()


@pytest.mark.parametrize("share", [0.125, 0.31, 1.0])
def test_random_masking_covers_exactly_the_share_of_pixels(share: float) -> None:
    """Published, 12.5 % counted channels as well, and masked 31.3 %."""
    out, holes = corrupt("random_mask", noise(8, 32, 32), share=share, value=0.5)
    assert holes.sum() == round(share * holes.size)
    assert (out[holes] == 0.5).all()


def test_sequence_and_matrix_masks_have_a_box_in_every_frame() -> None:
    _, sequence = corrupt("sequence_mask", noise(12, 64, 64))
    _, matrix = corrupt("matrix_mask", noise(12, 64, 64))
    assert (sequence == sequence[:1]).all() and not (matrix == matrix[:1]).all()
    assert (sequence.sum(axis=(1, 2)) == 256).all() and (matrix.sum(axis=(1, 2)) == 256).all()


def test_blur_takes_any_width() -> None:
    """Published, an even kernel such as 16 was an error of OpenCV."""
    clip = noise(3, 64, 64)
    out, holes = corrupt("blur", clip, sigma=2.0, boxes=1, height=64, width=64)
    assert holes.all() and out.std() < 0.5 * clip.std()


def test_grain_is_of_the_deviation_and_within_its_bound() -> None:
    flat = np.full((8, 64, 64, 3), 0.5, np.float32)
    out, holes = corrupt("grain", flat)
    assert holes.all() and np.abs(out - flat).max() <= 0.03 + 1e-6
    assert 0.015 < (out - flat).std() < 0.02
    free, _ = corrupt("grain", flat, bound=None)
    assert (free - flat).std() == pytest.approx(0.02, rel=0.02)
    speckle, _ = corrupt("grain", flat, kind="speckle", bound=None)
    assert (speckle - flat).std() == pytest.approx(0.01, rel=0.02)
    counted, _ = corrupt("grain", flat, kind="poisson", counts=100)
    assert (counted - flat).std() == pytest.approx(np.sqrt(0.5 / 100), rel=0.02)


def test_pixelation_is_constant_in_blocks() -> None:
    out, _ = corrupt("pixelate", noise(1, 64, 64), least=4, most=4, boxes=1, height=64, width=64)
    blocks = out[0].reshape(16, 4, 16, 4, 3)
    assert (blocks == blocks[:, :1, :, :1]).all()


def test_an_unknown_corruption_or_option_is_named() -> None:
    with pytest.raises(UserError, match="tensor_mask"):
        build_corruption(RefineSpec(corruption="nothing"))
    with pytest.raises(UserError, match="share"):
        build_corruption(RefineSpec(corruption="random_mask", corruption_options={"share": 2}))
