"""A box in each frame, at independent places: random matrix masking."""

import numpy as np

from engines.refine.boxes import draw_boxes
from engines.refine.corruptions.sequence_mask import Corruption as SequenceMask
from engines.refine.corruptions.sequence_mask import Options

__all__ = ["VERSION", "Corruption", "Options"]

VERSION = "1"


class Corruption(SequenceMask):
    """Fills one box of each frame."""

    def draw_holes(self, shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
        size = 1, self.options.height, self.options.width
        return np.concatenate([draw_boxes((1, *shape[1:]), rng, 1, size) for _ in range(shape[0])])
