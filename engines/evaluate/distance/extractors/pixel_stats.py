"""Statistics of pixels, without weights: how light, how varied, how much they change."""

import numpy as np

from data.specs.distance import ClipSpec

VERSION, LABEL, KERNEL = "1", "fd_pixel_stats", "kd_pixel_stats"
FILE, FETCH = None, ""


class Extractor:
    """Per channel, on 0 to 1: the mean, the standard deviation, and the mean |change| a frame.

    Putting a clip's frames in another order changes the last three numbers alone.
    """

    dim, least, most = 9, 2, None
    size, values = None, "0 to 1"

    def __init__(self, spec: ClipSpec) -> None:
        pass

    def load(self) -> None:
        """There is nothing to load."""

    def __call__(self, clips: np.ndarray) -> np.ndarray:
        """(n, 9) float32."""
        return np.stack([_stats(clip) for clip in clips])


def _stats(clip: np.ndarray) -> np.ndarray:
    """Sums are of integers, and so the same in any order."""
    count = clip[..., 0].size
    sums = clip.sum(axis=(0, 1, 2), dtype=np.uint64)
    squares = np.square(clip, dtype=np.uint32).sum(axis=(0, 1, 2), dtype=np.uint64)
    steps = np.abs(np.diff(clip.astype(np.int16), axis=0))
    mean = sums / count
    spread = np.sqrt((squares / count - mean**2).clip(min=0))
    change = steps.sum(axis=(0, 1, 2), dtype=np.uint64) / steps[..., 0].size
    return (np.concatenate([mean, spread, change]) / 255).astype(np.float32)
