"""Corrupts a clip, hole by hole: outside of the holes it stays bit-equal."""

from collections.abc import Callable

import numpy as np

from engines.refine.protocol import Corruption

Random = Callable[..., np.random.Generator]  # by a place, as `randomness.open_rng` takes it


def corrupt_clip(
    corruption: Corruption, clip: np.ndarray, rng: Random, out: np.ndarray
) -> np.ndarray:
    """Writes the corrupted clip (T, H, W, 3) into `out`; its holes (T, H, W) bool, True inside.

    Each frame has random numbers of its own, and `clip` is not changed.
    """
    frames, height, width = clip.shape[:3]
    holes = corruption.draw_holes((frames, height, width), rng("holes"))
    for number, (frame, hole) in enumerate(zip(clip, holes, strict=True)):
        if hole.any():
            filled = corruption.fill_frame(np.array(frame), rng(number)).clip(0, 1)
            out[number] = np.where(hole[..., None], filled, frame)
        else:
            out[number] = frame
    return holes
