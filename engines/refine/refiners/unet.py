"""REGIS-U: a 3-D U-Net that takes grain away and fills holes; the bundled one if left out."""

import numpy as np

from data.specs.pipeline import Spec
from data.specs.refine import RefineSpec
from engines.refine.protocol import Shape, Windows, read_options
from engines.refine.run_network import LoadedNetwork
from engines.refine.weights import digest_weights, find_weights, read_file_sizes

VERSION = "2"  # frames are convolved as pictures: the last bits are others
DEEPEST = 8  # multiple of four levels, the published number


class Options(Spec):
    """What the shapes of published weights do not tell."""

    residual: bool = False
    """Whether the network predicts what is wrong, not the clip; files of `train-refiner` say so."""


def digests(spec: RefineSpec) -> dict[str, str]:
    """The digest of the weights file."""
    return {"model": digest_weights(find_weights("unet", spec.weights))}


class Refiner:
    """Restores clips; holes are shown to a network that has a channel for them."""

    def __init__(self, spec: RefineSpec) -> None:
        self.options = read_options(Options, spec.refiner, spec.options)
        self.file, self.precision = find_weights("unet", spec.weights), spec.precision
        _, sizes = read_file_sizes("unet", self.file) or ("", {})
        levels = sizes.get("multipliers")
        self.shape = Shape(multiple=2 ** (len(levels) - 1) if levels else DEEPEST)

    def load(self) -> None:
        """Loads the network; a UserError names every parameter that does not fit."""
        self.network = LoadedNetwork("unet", self.file, self.options, self.precision)
        has_holes = self.network.sizes.holes
        self._restore = self.network.run if has_holes else lambda clips, _: self.network.run(clips)

    def refine(self, windows: Windows) -> np.ndarray:
        return self._restore(windows.frames, windows.holes)
