"""The bilateral filter (Tomasi and Manduchi 1998), frame by frame."""

import numpy as np
from pydantic import Field

from data.specs.pipeline import Spec
from engines.refine.protocol import Windows
from engines.refine.weightless import WeightlessRefiner, digests

__all__ = ["VERSION", "Options", "Refiner", "digests"]
VERSION = "1"


class Options(Spec):
    """How far it reaches, in pixels and in colours."""

    diameter: int = Field(5, ge=3, le=15)
    """Diameter of the neighbourhood in pixels."""
    colour: float = Field(0.1, gt=0)
    """Standard deviation over colours, of values from 0 to 1."""
    space: float = Field(2.0, gt=0)
    """Standard deviation over pixels."""


class Refiner(WeightlessRefiner[Options]):
    """Averages each pixel with its neighbours of like colour."""

    kind = Options

    def refine(self, windows: Windows) -> np.ndarray:
        import cv2

        options, out = self.options, np.empty_like(windows.frames)
        for place in np.ndindex(out.shape[:2]):
            out[place] = cv2.bilateralFilter(
                windows.frames[place], options.diameter, options.colour, options.space
            )
        return out
