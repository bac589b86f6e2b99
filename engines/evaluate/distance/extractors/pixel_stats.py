"""Pixel statistics, without weights: brightness, variation and change over time."""

import numpy as np

from data.specs.distance import ClipSpec

VERSION, LABEL, KERNEL = "1", "fd_pixel_stats", "kd_pixel_stats"
FILE, FETCH = None, ""


class Extractor:
    """Mean, standard deviation and mean |change per frame| of each channel, scaled to 0 to 1.

    Reordering a clip's frames changes only the last three of the nine numbers.
    """

    dim, least, most = 9, 2, None
    size, values = None, "0 to 1"
    resize = None

    def __init__(self, spec: ClipSpec) -> None:
        pass

    def load(self) -> None:
        """Loads nothing: there are no weights."""

    def __call__(self, clips: np.ndarray) -> np.ndarray:
        """(n, 9) float32."""
        return np.stack([_compute_stats(clip) for clip in clips])


def _compute_stats(clip: np.ndarray) -> np.ndarray:
    """(9,) statistics of a clip (frames, height, width, 3)."""
    # Sums of integers are exact, so the same in any order and on any machine.
    count = clip[..., 0].size
    sums = clip.sum(axis=(0, 1, 2), dtype=np.uint64)
    squares = np.square(clip, dtype=np.uint32).sum(axis=(0, 1, 2), dtype=np.uint64)
    steps = np.abs(np.diff(clip.astype(np.int16), axis=0))
    mean = sums / count
    spread = np.sqrt((squares / count - mean**2).clip(min=0))
    change = steps.sum(axis=(0, 1, 2), dtype=np.uint64) / steps[..., 0].size
    return (np.concatenate([mean, spread, change]) / 255).astype(np.float32)
