"""Telea's fast marching (2004), frame by frame, by OpenCV: needs a corruption's holes."""

import numpy as np
from pydantic import Field

from data.specs.pipeline import Spec
from data.specs.refine import RefineSpec
from engines.refine.inpaint import inpaint_windows
from engines.refine.protocol import Shape, Windows, read_options, require_no_weights

VERSION = "1"


class Options(Spec):
    """How far it looks."""

    radius: float = Field(3.0, gt=0)
    """Radius in pixels of what is looked at around a hole's edge."""


def digests(spec: RefineSpec) -> dict[str, str]:
    """Nothing: there are no weights."""
    return {}


class Refiner:
    """Fills the holes of each frame from around them."""

    shape = Shape()

    def __init__(self, spec: RefineSpec) -> None:
        require_no_weights(spec)
        self.options = read_options(Options, spec.refiner, spec.options)

    def load(self) -> None:
        """Loads nothing."""

    def refine(self, windows: Windows) -> np.ndarray:
        import cv2

        return inpaint_windows(windows, self.options.radius, cv2.INPAINT_TELEA)
