"""Whether a frame shows something else than one before, by the brightness of its parts."""

import numpy as np

COLUMNS, ROWS = 32, 18


def measure_parts(pixels: np.ndarray) -> np.ndarray:
    """(3, height, width) uint8 RGB to the mean brightness, 0-255, of 18 x 32 parts.

    A mean over a part is deaf to noise and compression, and still sees a word come and go.
    """
    import cv2

    grey = pixels[1]  # green has most of the brightness, and needs no sum over a large frame
    return cv2.resize(grey, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA).astype(np.float32)


def differs(parts: np.ndarray, before: np.ndarray | None, change: float) -> bool:
    """Whether any part differs by more than `change`; always from nothing."""
    if before is None or parts.shape != before.shape:
        return True
    return float(np.abs(parts - before).max()) > change
