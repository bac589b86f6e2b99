"""Crops, pads, sizes and norms against what they are written to be, in float64."""

import numpy as np
import pytest
from PIL import Image

from engines.evaluate.vision import images


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("size", "top", "left"),
    [((7, 4), 2, 0), ((4, 9), 0, 2), ((4, 7), 0, 2), ((5, 5), 0, 0), ((4, 5), 0, 0)],
)
def test_the_crop_lies_in_the_middle_and_halves_go_to_the_even_one(size, top, left) -> None:
    seen, side = picture(*size), min(size)
    assert np.array_equal(images.crop_square(seen), seen[top : top + side, left : left + side])


@pytest.mark.parametrize("size", [(4, 7), (7, 4), (6, 6)])
def test_the_pad_is_white_and_the_picture_in_its_middle(size) -> None:
    seen, padded = picture(*size), images.pad_square(picture(*size))
    side = max(size)
    top, left = (side - size[0]) // 2, (side - size[1]) // 2
    assert padded.shape == (side, side, 3)
    assert np.array_equal(padded[top : top + size[0], left : left + size[1]], seen)
    assert padded.astype(int).sum() == seen.astype(int).sum() + 255 * 3 * (
        side**2 - seen[..., 0].size
    )


def test_bicubic_is_pillows() -> None:
    seen = picture(50, 40)
    theirs = np.asarray(Image.fromarray(seen).resize((32, 32), Image.BICUBIC))
    assert np.array_equal(images.resize_bicubic(seen, 32), theirs)


def test_normalised_is_the_formula() -> None:
    seen = [picture(4, 6), picture(4, 6)[::-1]]
    mean, std = images.IMAGENET
    wide = (np.stack(seen).astype(np.float64) / 255 - mean) / std
    found = images.normalise_pictures(seen, mean, std)
    assert found.shape == (2, 3, 4, 6)
    assert np.abs(found.numpy() - wide.transpose(0, 3, 1, 2)).max() < 1e-6


@pytest.mark.parametrize(("size", "step"), [((13, 16), 8), ((16, 21), 8), ((16, 16), 16)])
def test_edges_are_repeated_around_the_frames_to_multiples(size, step) -> None:
    import torch
    from torch.nn.functional import pad

    frames = np.stack([picture(*size), picture(*size)[::-1]])
    found, (rows, columns) = images.pad_edges(frames, step)
    down, across = (-side % step for side in size)
    sides = (across // 2, across - across // 2, down // 2, down - down // 2)
    wide = torch.from_numpy(frames).permute(0, 3, 1, 2).float()
    theirs = pad(wide, sides, mode="replicate").permute(0, 2, 3, 1).numpy()
    assert np.array_equal(found, theirs)
    assert np.array_equal(found[:, rows, columns], frames)
