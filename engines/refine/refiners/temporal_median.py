"""The median of each pixel over a few frames: the baseline that a learned degrainer must beat."""

import numpy as np
from pydantic import Field

from data.specs.pipeline import Spec
from engines.refine.protocol import Windows
from engines.refine.weightless import WeightlessRefiner, digests

__all__ = ["VERSION", "Options", "Refiner", "digests"]
VERSION = "1"


class Options(Spec):
    """How many frames."""

    radius: int = Field(1, ge=1)
    """Frames on either side of each frame that enter its median."""


class Refiner(WeightlessRefiner[Options]):
    """Replaces each value by the median over `2 radius + 1` frames, edges repeated."""

    kind = Options

    def refine(self, windows: Windows) -> np.ndarray:
        radius, frames = self.options.radius, windows.frames
        padded = np.pad(frames, [(0, 0), (radius, radius), *[(0, 0)] * 3], mode="edge")
        count = frames.shape[1]
        return np.median([padded[:, n : n + count] for n in range(2 * radius + 1)], axis=0)
