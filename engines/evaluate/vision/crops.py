"""Things cut out of a frame, on white."""

import numpy as np

OVERHANG = 3  # pixels that a box may lie beyond the right edge, or the lower one


def cut_out(frame: np.ndarray, mask: np.ndarray, box: np.ndarray) -> np.ndarray | None:
    """(h, w, 3) the frame within a box, white where the mask (H, W) is not; None beyond the frame.

    As MSRVTT-Personalization's evaluation has it: a box (left, top, right, bottom) slices as
    numpy slices, and passes where that has its height and at most 3 pixels less than its width,
    or the reverse. A box that begins left of the frame or above it does not pass.
    """
    left, top, right, bottom = box
    seen, shape = frame[top:bottom, left:right], mask[top:bottom, left:right]
    short = np.array([bottom - top, right - left]) - shape.shape
    if not shape.size or not (short.min() == 0 and short.max() <= OVERHANG):
        return None
    return np.where(shape[..., None], seen, np.uint8(255))
