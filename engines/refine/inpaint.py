"""OpenCV's inpainting of windows, for the refiners that differ in its method alone."""

from functools import partial

import numpy as np

from engines.refine.protocol import Windows
from engines.refine.rounding import apply_rounded


def inpaint_windows(windows: Windows, radius: float, method: int) -> np.ndarray:
    """The windows (B, T, H, W, 3) with their holes filled, each frame by itself.

    Unchanged without holes, and where a frame is all hole: there is nothing to fill it from.
    """
    import cv2

    if windows.holes is None:
        return windows.frames
    out = windows.frames.copy()
    for place in np.ndindex(out.shape[:2]):
        hole = windows.holes[place]
        if hole.any() and not hole.all():
            mask = hole.astype(np.uint8)
            fill = partial(cv2.inpaint, inpaintMask=mask, inpaintRadius=radius, flags=method)
            out[place] = apply_rounded(fill, out[place])
    return out
