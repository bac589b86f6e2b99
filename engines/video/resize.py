"""open_clip's own resize and crop, on batches of pictures."""

from typing import TYPE_CHECKING

import numpy as np

from engines.video.frames import Resize

if TYPE_CHECKING:
    from torch import Tensor


def resize(pictures: np.ndarray, spec: Resize) -> np.ndarray:
    """(n, H, W, 3) uint8 to (n, 3, height, width) uint8, as open_clip's preprocess does it.

    torch's uint8 antialiased kernels follow PIL's arithmetic: at most 1 grey level apart, and
    5 times faster (720p: 0.7 to 1.5 ms a frame against 6 to 8).
    """
    import torch

    height, width = scaled(pictures.shape[1], pictures.shape[2], spec)
    # A view: channels-last memory is the layout the fast kernels want.
    tensor = torch.from_numpy(pictures).permute(0, 3, 1, 2)
    if (height, width) != pictures.shape[1:3]:
        tensor = torch.nn.functional.interpolate(
            tensor, (height, width), mode=spec.interpolation, antialias=True, align_corners=False
        )
    return _centred(tensor, spec).contiguous().numpy()


def scaled(height: int, width: int, spec: Resize) -> tuple[int, int]:
    """Height and width after scaling and before the crop, rounded as open_clip rounds them."""
    down, across = spec.shape
    if spec.mode == "squash":
        return spec.shape
    if spec.mode == "longest":
        ratio = max(height / down, width / across)
        return max(1, round(height / ratio)), max(1, round(width / ratio))
    if width * down <= height * across:
        return int(across * height / width), across
    return down, int(down * width / height)


def _centred(tensor: "Tensor", spec: Resize) -> "Tensor":
    """Pads what is smaller than asked for and crops what is larger, both around the centre."""
    import torch

    (tall, wide), (height, width) = spec.shape, tensor.shape[-2:]
    down, across = max(0, tall - height), max(0, wide - width)
    if down or across:
        sides = (across // 2, (across + 1) // 2, down // 2, (down + 1) // 2)
        tensor = torch.nn.functional.pad(tensor, sides, value=spec.fill)
        height, width = tensor.shape[-2:]
    top, left = round((height - tall) / 2.0), round((width - wide) / 2.0)
    return tensor[..., top : top + tall, left : left + wide]
