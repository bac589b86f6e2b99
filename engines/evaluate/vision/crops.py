"""Cut-outs of a frame on a white background."""

import numpy as np

OVERHANG = 3  # pixels by which a box may exceed the right or the lower edge


def cut_out(frame: np.ndarray, mask: np.ndarray, box: np.ndarray) -> np.ndarray | None:
    """(h, w, 3) crop of the frame, white outside the mask (H, W); None for a box beyond the frame.

    The rule of MSRVTT-Personalization's evaluation (Chen et al. 2025): a box (left, top, right,
    bottom) is sliced as numpy does. It passes if the slice has the box's full height and at most
    3 pixels less than its width, or the reverse.
    """
    left, top, right, bottom = box
    # A negative coordinate slices from the far end: the shape is then wrong, and the box rejected.
    pixels, shape = frame[top:bottom, left:right], mask[top:bottom, left:right]
    short = np.array([bottom - top, right - left]) - shape.shape
    if not shape.size or not (short.min() == 0 and short.max() <= OVERHANG):
        return None
    return np.where(shape[..., None], pixels, np.uint8(255))
