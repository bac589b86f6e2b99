"""Grain on every voxel: Gaussian, speckle or Poisson noise."""

from typing import Literal

import numpy as np
from pydantic import Field

from data.specs.pipeline import Spec

VERSION = "1"


class Options(Spec):
    """Which noise, and how much; the defaults are the published degrainer's."""

    kind: Literal["gaussian", "speckle", "poisson"] = "gaussian"
    """gaussian adds noise, speckle noise times the pixel, poisson counts photons."""
    deviation: float = Field(0.02, gt=0)
    """Standard deviation of Gaussian noise and speckle, of pixels from 0 to 1."""
    bound: float | None = Field(0.03, gt=0)
    """Largest change by Gaussian noise and speckle; unbounded if left out."""
    counts: float = Field(255.0, gt=0)
    """Photons of a white pixel, for poisson."""


class Corruption:
    """Adds grain everywhere: the hole is the whole clip."""

    def __init__(self, options: Options) -> None:
        self.options = options

    def draw_holes(self, shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
        return np.ones(shape, bool)

    def fill_frame(self, frame: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        options = self.options
        if options.kind == "poisson":
            return (rng.poisson(frame * options.counts) / options.counts).astype(np.float32)
        noise = rng.standard_normal(frame.shape, np.float32) * np.float32(options.deviation)
        if options.kind == "speckle":
            noise *= frame
        if options.bound is not None:
            noise = noise.clip(-options.bound, options.bound)
        return frame + noise
