"""Identity, the control: whatever changes under it comes from the pipeline around refiners."""

import numpy as np

from data.specs.pipeline import Spec
from data.specs.refine import RefineSpec
from engines.refine.protocol import Shape, Windows, read_options, require_no_weights

VERSION = "1"


class Options(Spec):
    """None."""


def digests(spec: RefineSpec) -> dict[str, str]:
    """Nothing: there are no weights."""
    return {}


class Refiner:
    """Gives back what it gets."""

    shape = Shape()

    def __init__(self, spec: RefineSpec) -> None:
        require_no_weights(spec)
        read_options(Options, spec.refiner, spec.options)

    def load(self) -> None:
        """Loads nothing."""

    def refine(self, windows: Windows) -> np.ndarray:
        return windows.frames
