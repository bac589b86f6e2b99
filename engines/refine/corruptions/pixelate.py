"""Boxes of coarse pixels: random tensor pixelation."""

import numpy as np
from pydantic import Field, model_validator

from engines.refine.boxes import BoxOptions, draw_boxes

VERSION = "1"


class Options(BoxOptions):
    """Boxes, and how coarse they are."""

    least: int = Field(3, ge=2)
    """Smallest factor by which a frame is scaled down."""
    most: int = Field(5, ge=2)
    """Largest factor."""

    @model_validator(mode="after")
    def _check_factors(self) -> "Options":
        if self.most < self.least:
            raise ValueError("most must not be less than least")
        return self


class Corruption:
    """Scales a frame down by a random factor, bilinearly, and up again to the nearest pixel."""

    def __init__(self, options: Options) -> None:
        self.options = options

    def draw_holes(self, shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
        size = self.options.depth, self.options.height, self.options.width
        return draw_boxes(shape, rng, self.options.boxes, size)

    def fill_frame(self, frame: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        import cv2

        factor = int(rng.integers(self.options.least, self.options.most + 1))
        height, width = frame.shape[:2]
        small = max(1, width // factor), max(1, height // factor)
        coarse = cv2.resize(frame, small, interpolation=cv2.INTER_LINEAR)
        return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST)
