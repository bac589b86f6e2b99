"""Navier-Stokes inpainting (Bertalmio et al. 2001), frame by frame, by OpenCV."""

import numpy as np
from pydantic import Field

from data.specs.pipeline import Spec
from engines.refine.inpaint import inpaint_windows
from engines.refine.protocol import Shape, Windows
from engines.refine.weightless import WeightlessRefiner, digests

__all__ = ["VERSION", "Options", "Refiner", "digests"]
VERSION = "1"


class Options(Spec):
    """How far it looks."""

    radius: float = Field(3.0, gt=0)
    """Radius in pixels of what is looked at around a hole's edge."""


class Refiner(WeightlessRefiner[Options]):
    """Fills the holes of each frame from around them."""

    kind, shape = Options, Shape(fills=True)

    def refine(self, windows: Windows) -> np.ndarray:
        import cv2

        return inpaint_windows(windows, self.options.radius, cv2.INPAINT_NS)
