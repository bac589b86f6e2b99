"""JPEG's blocks and ringing, in boxes or everywhere."""

import numpy as np
from pydantic import Field

from data.specs.pipeline import Spec
from engines.refine.boxes import draw_boxes

VERSION = "1"


class Options(Spec):
    """How strongly frames are compressed, and where."""

    least: int = Field(10, ge=1, le=100)
    """Lowest quality, 1–100."""
    most: int = Field(40, ge=1, le=100)
    """Highest quality; each frame's is drawn between the two."""
    boxes: int = Field(0, ge=0)
    """Number of boxes; 0 compresses everywhere."""
    height: int = Field(16, ge=1)
    """Height of a box in pixels."""
    width: int = Field(16, ge=1)
    """Width of a box in pixels."""
    depth: int = Field(3, ge=1)
    """Number of frames of a box."""


class Corruption:
    """Compresses frames as JPEG files, and reads them again."""

    def __init__(self, options: Options) -> None:
        self.options = options

    def draw_holes(self, shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
        options = self.options
        if not options.boxes:
            return np.ones(shape, bool)
        return draw_boxes(shape, rng, options.boxes, (options.depth, options.height, options.width))

    def fill_frame(self, frame: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        import cv2

        low, high = sorted((self.options.least, self.options.most))
        quality = int(rng.integers(low, high + 1))
        picture = np.ascontiguousarray((frame * 255).round().astype(np.uint8)[..., ::-1])
        _, file = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        back = np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), np.float32)
        return back[..., ::-1] / 255
