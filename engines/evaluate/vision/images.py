"""Pictures as models want them: squares of a size, normalised. Pictures are (H, W, 3) bytes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

Colour = tuple[float, float, float]
IMAGENET: tuple[Colour, Colour] = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def square_crop(picture: np.ndarray) -> np.ndarray:
    """The square of the shorter side around the centre."""
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = round((height - side) / 2), round((width - side) / 2)  # halves to the even one
    return picture[top : top + side, left : left + side]


def square_pad(picture: np.ndarray, value: int = 255) -> np.ndarray:
    """The square of the longer side, the picture in its middle, `value` around it."""
    height, width = picture.shape[:2]
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    square = np.full((side, side, 3), value, np.uint8)
    square[top : top + height, left : left + width] = picture
    return square


def edged(frames: np.ndarray, step: int) -> tuple[np.ndarray, tuple[slice, slice]]:
    """Frames (n, H, W, 3) with their edges repeated to sides of multiples of `step`, centred.

    And where in them, as rows and columns, the frames lie.
    """
    sides = frames.shape[1:3]
    more = [-side % step for side in sides]
    before = [each // 2 for each in more]
    around = [(first, each - first) for first, each in zip(before, more, strict=True)]
    rows, columns = (slice(at, at + side) for at, side in zip(before, sides, strict=True))
    return np.pad(frames, [(0, 0), *around, (0, 0)], mode="edge"), (rows, columns)


def bicubic(picture: np.ndarray, size: int) -> np.ndarray:
    """(size, size, 3) bytes, by Pillow's bicubic filter, which blurs before it shrinks."""
    from PIL import Image

    resized = Image.fromarray(picture).resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(resized)


def bilinear(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """(height, width, 3) bytes, by Pillow's bilinear filter, which blurs before it shrinks."""
    from PIL import Image

    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR))


def normalised(pictures: Sequence[np.ndarray], mean: Colour, std: Colour) -> "Tensor":
    """(n, 3, H, W) float32: of 0 to 1, less the mean, by the standard deviation."""
    import torch

    scaled = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2) / 255
    return (scaled - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
