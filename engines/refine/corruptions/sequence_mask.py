"""One box through all frames, filled with one value: sequence-length tensor masking."""

import numpy as np
from pydantic import Field

from data.specs.pipeline import Spec
from engines.refine.boxes import draw_boxes

VERSION = "1"


class Options(Spec):
    """The box, and what fills it."""

    height: int = Field(16, ge=1)
    """Height of the box in pixels."""
    width: int = Field(16, ge=1)
    """Width of the box in pixels."""
    value: float = Field(0.0, ge=0, le=1)
    """Value of all channels in the box, 0–1."""


class Corruption:
    """Fills the same box of every frame."""

    def __init__(self, options: Options) -> None:
        self.options = options

    def draw_holes(self, shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
        return draw_boxes(shape, rng, 1, (shape[0], self.options.height, self.options.width))

    def fill_frame(self, frame: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return np.full_like(frame, self.options.value)
