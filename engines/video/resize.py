"""open_clip's own resize and crop, on batches of pictures."""

from typing import TYPE_CHECKING

import numpy as np

from engines.video.frames import Resize

if TYPE_CHECKING:
    from torch import Tensor


def resize_pictures(pictures: np.ndarray, target: Resize) -> np.ndarray:
    """(n, H, W, 3) uint8 to (n, 3, height, width) uint8, as open_clip's preprocessing does it.

    torch's uint8 antialiased kernels follow PIL's arithmetic: at most 1 grey level apart, and
    5 times faster (720p: 0.7 to 1.5 ms a frame against 6 to 8).
    """
    import torch

    height, width = compute_scaled_size(pictures.shape[1], pictures.shape[2], target)
    # A view: the fast kernels need channels-last memory.
    tensor = torch.from_numpy(pictures).permute(0, 3, 1, 2)
    if (height, width) != pictures.shape[1:3]:
        tensor = torch.nn.functional.interpolate(
            tensor, (height, width), mode=target.interpolation, antialias=True, align_corners=False
        )
    return _pad_and_crop(tensor, target).contiguous().numpy()


def shrink(pixels: np.ndarray, side: int) -> np.ndarray:
    """(3, height, width) uint8 to (h, w, 3), its longer side at most `side`."""
    import cv2

    picture = np.ascontiguousarray(pixels.transpose(1, 2, 0))
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return picture
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def compute_scaled_size(height: int, width: int, target: Resize) -> tuple[int, int]:
    """Height and width after scaling and before the crop, rounded as open_clip rounds them."""
    tall, wide = target.shape
    if target.mode == "squash":
        return target.shape
    if target.mode == "longest":
        ratio = max(height / tall, width / wide)
        return max(1, round(height / ratio)), max(1, round(width / ratio))
    # torchvision's Resize truncates where open_clip's own ResizeKeepRatio rounds.
    if width * tall <= height * wide:
        return int(wide * height / width), wide
    return tall, int(tall * width / height)


def _pad_and_crop(tensor: "Tensor", target: Resize) -> "Tensor":
    """Pads sides that are too small and crops those too large, both around the centre."""
    import torch

    (tall, wide), (height, width) = target.shape, tensor.shape[-2:]
    down, across = max(0, tall - height), max(0, wide - width)
    if down or across:
        sides = (across // 2, (across + 1) // 2, down // 2, (down + 1) // 2)
        tensor = torch.nn.functional.pad(tensor, sides, value=target.fill)
        height, width = tensor.shape[-2:]
    top, left = round((height - tall) / 2.0), round((width - wide) / 2.0)
    return tensor[..., top : top + tall, left : left + wide]
