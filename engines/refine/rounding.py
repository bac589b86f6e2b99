"""Filters that exist for bytes only, applied to what they change of float32 pictures."""

from collections.abc import Callable

import numpy as np


def apply_rounded(function: Callable[[np.ndarray], np.ndarray], picture: np.ndarray) -> np.ndarray:
    """A picture (H, W, 3) float32 from 0 to 1 plus what the filter changes of its bytes.

    Where the filter changes nothing, the picture keeps its bits: rounding to bytes at every pass
    would add up.
    """
    rounded = (picture * 255).round().clip(0, 255).astype(np.uint8)
    filtered = function(np.ascontiguousarray(rounded))
    change = filtered.astype(np.int16) - rounded
    return picture + change.astype(np.float32) / 255
