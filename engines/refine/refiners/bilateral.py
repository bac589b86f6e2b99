"""The bilateral filter (Tomasi and Manduchi 1998), frame by frame."""

import numpy as np
from pydantic import Field

from data.specs.pipeline import Spec
from data.specs.refine import RefineSpec
from engines.refine.protocol import Shape, Windows, read_options, require_no_weights

VERSION = "1"


class Options(Spec):
    """How far it reaches, in pixels and in colours."""

    diameter: int = Field(5, ge=3, le=15)
    """Diameter of the neighbourhood in pixels."""
    colour: float = Field(0.1, gt=0)
    """Standard deviation over colours, of values from 0 to 1."""
    space: float = Field(2.0, gt=0)
    """Standard deviation over pixels."""


def digests(spec: RefineSpec) -> dict[str, str]:
    """Nothing: there are no weights."""
    return {}


class Refiner:
    """Averages each pixel with its neighbours of like colour."""

    shape = Shape()

    def __init__(self, spec: RefineSpec) -> None:
        require_no_weights(spec)
        self.options = read_options(Options, spec.refiner, spec.options)

    def load(self) -> None:
        """Loads nothing."""

    def refine(self, windows: Windows) -> np.ndarray:
        import cv2

        options, out = self.options, np.empty_like(windows.frames)
        for place in np.ndindex(out.shape[:2]):
            out[place] = cv2.bilateralFilter(
                windows.frames[place], options.diameter, options.colour, options.space
            )
        return out
