"""Pixels at random, an exact share of them: random masking."""

import numpy as np
from pydantic import Field

from data.specs.pipeline import Spec

VERSION = "1"


class Options(Spec):
    """How many pixels, and what fills them."""

    share: float = Field(0.125, gt=0, le=1)
    """Share of the clip's pixels that is masked, all channels of each."""
    value: float = Field(0.0, ge=0, le=1)
    """Value of all channels of a masked pixel, 0–1."""


class Corruption:
    """Fills pixels drawn without replacement, over the clip's whole length."""

    def __init__(self, options: Options) -> None:
        self.options = options

    def draw_holes(self, shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
        # Of pixels, not of values: counting channels too would mask 31 % for 12.5 %, as published.
        holes = np.zeros(shape, bool)
        count = round(self.options.share * holes.size)
        holes.flat[rng.choice(holes.size, count, replace=False)] = True
        return holes

    def fill_frame(self, frame: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return np.full_like(frame, self.options.value)
