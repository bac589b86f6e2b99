"""Boxes in thousandths of the picture, whatever its size."""

import numpy as np


def scale_box(corners: np.ndarray, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Corners (4, 2) in pixels to left, top, right, bottom in thousandths of a (height, width)."""
    height, width = shape
    scaled = np.clip(corners / (width, height) * 1000, 0, 1000)
    (left, top), (right, bottom) = scaled.min(0).round(), scaled.max(0).round()
    return int(left), int(top), int(right), int(bottom)
