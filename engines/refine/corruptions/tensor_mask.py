"""Boxes of a few frames, filled with one value: random tensor masking."""

import numpy as np
from pydantic import Field

from engines.refine.boxes import BoxOptions, draw_boxes

VERSION = "1"


class Options(BoxOptions):
    """Boxes, and what fills them."""

    value: float = Field(0.0, ge=0, le=1)
    """Value of all channels in the boxes, 0–1: 0 is black, 0.5 grey."""


class Corruption:
    """Fills boxes at random places with one value."""

    def __init__(self, options: Options) -> None:
        self.options = options

    def draw_holes(self, shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
        size = self.options.depth, self.options.height, self.options.width
        return draw_boxes(shape, rng, self.options.boxes, size)

    def fill_frame(self, frame: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return np.full_like(frame, self.options.value)
