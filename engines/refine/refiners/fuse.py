"""REGIS-Fuse: FuseFormer's generator, which fills holes from all frames of a window."""

import numpy as np
from pydantic import Field

from data.specs.pipeline import Spec
from data.specs.refine import RefineSpec
from engines.refine.protocol import Shape, Windows, read_options
from engines.refine.run_network import LoadedNetwork
from engines.refine.weights import digest_weights, find_weights, read_file_sizes

VERSION = "1"
PUBLISHED = 60, 108  # the feature map of the published weights, for frames of 240 x 432


class Options(Spec):
    """What the shapes of published weights do not tell."""

    heads: int | None = Field(None, ge=1)
    """Attention heads; one for each 128 channels if left out, as published."""
    height: int = Field(4 * PUBLISHED[0], ge=4, multiple_of=4)
    """Height of the network's frames, for weights that no `train-refiner` wrote."""
    width: int = Field(4 * PUBLISHED[1], ge=4, multiple_of=4)
    """Width of the network's frames, as above."""


def digests(spec: RefineSpec) -> dict[str, str]:
    """The digest of the weights file."""
    return {"model": digest_weights(find_weights("fuse", spec.weights))}


class Refiner:
    """Generates windows anew, from what their holes do not hide."""

    def __init__(self, spec: RefineSpec) -> None:
        self.options = read_options(Options, spec.refiner, spec.options)
        self.file, self.precision = find_weights("fuse", spec.weights), spec.precision
        _, sizes = read_file_sizes("fuse", self.file) or ("", {})
        options = self.options.height, self.options.width
        size = tuple(4 * side for side in sizes["map"]) if sizes else options
        self.shape = Shape(size=(size[0], size[1]), values=(-1.0, 1.0))

    def load(self) -> None:
        """Loads the network; a UserError names every parameter that does not fit."""
        self.network = LoadedNetwork("fuse", self.file, self.options, self.precision)
        if self.network.sizes.size != self.shape.size:
            from data.errors import UserError

            height, width = self.network.sizes.size
            raise UserError(
                f"{self.file} is for frames of {width}x{height}: use --option height={height}"
                f" --option width={width}"
            )

    def refine(self, windows: Windows) -> np.ndarray:
        frames = windows.frames
        if windows.holes is not None:  # grey, as in training: no network sees what is in a hole
            frames = np.where(windows.holes[..., None], np.float32(0), frames)
        return self.network.run(frames)
