"""Non-local means (Buades, Coll and Morel 2005), frame by frame, by OpenCV in 8 bits."""

import numpy as np
from pydantic import Field

from data.specs.pipeline import Spec
from engines.refine.protocol import Windows
from engines.refine.rounding import apply_rounded
from engines.refine.weightless import WeightlessRefiner, digests

__all__ = ["VERSION", "Options", "Refiner", "digests"]
VERSION = "1"


class Options(Spec):
    """How strongly it smooths, and where it looks for like patches."""

    strength: float = Field(5.0, gt=0)
    """Filter strength for luma and colour, of values from 0 to 255."""
    patch: int = Field(5, ge=3, le=15)
    """Side of the patches that are compared, in pixels."""
    search: int = Field(13, ge=3, le=41)
    """Side of the window that like patches are looked for in, in pixels."""


class Refiner(WeightlessRefiner[Options]):
    """Averages each pixel with those whose patches are like its own."""

    kind = Options

    def refine(self, windows: Windows) -> np.ndarray:
        import cv2

        options, out = self.options, np.empty_like(windows.frames)

        def smooth(picture: np.ndarray) -> np.ndarray:
            return cv2.fastNlMeansDenoisingColored(
                picture, None, options.strength, options.strength, options.patch, options.search
            )

        for place in np.ndindex(out.shape[:2]):
            out[place] = apply_rounded(smooth, windows.frames[place])
        return out
