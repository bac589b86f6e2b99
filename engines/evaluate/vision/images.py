"""Preprocessing of pictures, (H, W, 3) bytes each: cropping, padding, resizing, normalising."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

Colour = tuple[float, float, float]
IMAGENET: tuple[Colour, Colour] = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def crop_square(picture: np.ndarray) -> np.ndarray:
    """The centre crop to a square of the shorter side."""
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = round((height - side) / 2), round((width - side) / 2)  # halves to the even one
    return picture[top : top + side, left : left + side]


def pad_square(picture: np.ndarray, value: int = 255) -> np.ndarray:
    """A square of the longer side with the picture centred on `value`."""
    height, width = picture.shape[:2]
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    square = np.full((side, side, 3), value, np.uint8)
    square[top : top + height, left : left + width] = picture
    return square


def pad_edges(frames: np.ndarray, step: int) -> tuple[np.ndarray, tuple[slice, slice]]:
    """Frames (n, H, W, 3) padded to multiples of `step` by repeating their edges on both sides.

    Also returns the rows and columns of the frames in the padded ones.
    """
    sides = frames.shape[1:3]
    missing = [-side % step for side in sides]
    # The odd pixel goes to the right and below, as RAFT's own padder has it.
    before = [each // 2 for each in missing]
    padding = [(first, each - first) for first, each in zip(before, missing, strict=True)]
    rows, columns = (slice(at, at + side) for at, side in zip(before, sides, strict=True))
    return np.pad(frames, [(0, 0), *padding, (0, 0)], mode="edge"), (rows, columns)


def resize_bicubic(picture: np.ndarray, size: int) -> np.ndarray:
    """(size, size, 3) bytes, resized by Pillow's antialiased bicubic filter."""
    from PIL import Image

    resized = Image.fromarray(picture).resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(resized)


def resize_bilinear(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """(height, width, 3) bytes, resized by Pillow's antialiased bilinear filter."""
    from PIL import Image

    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR))


def normalise_pictures(pictures: Sequence[np.ndarray], mean: Colour, std: Colour) -> "Tensor":
    """(n, 3, H, W) float32: (pixel / 255 - mean) / std."""
    import torch

    scaled = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2) / 255
    return (scaled - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
