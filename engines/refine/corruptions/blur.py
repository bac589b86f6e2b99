"""Boxes blurred by a Gaussian: random tensor blurring."""

import numpy as np
from pydantic import Field

from engines.refine.boxes import BoxOptions, draw_boxes

VERSION = "1"


class Options(BoxOptions):
    """Boxes, and how they are blurred."""

    sigma: float = Field(2.75, gt=0)
    """Standard deviation of the Gaussian in pixels; 2.75 is that of a kernel of 16."""


class Corruption:
    """Blurs boxes at random places, each frame by itself."""

    def __init__(self, options: Options) -> None:
        self.options = options

    def draw_holes(self, shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
        size = self.options.depth, self.options.height, self.options.width
        return draw_boxes(shape, rng, self.options.boxes, size)

    def fill_frame(self, frame: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        import cv2

        # A kernel that follows from the deviation is odd: an even one is an error in OpenCV.
        return cv2.GaussianBlur(frame, (0, 0), self.options.sigma)
