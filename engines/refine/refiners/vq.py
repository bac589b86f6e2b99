"""REGIS-VQ: clips through an autoencoder and back: VideoGPT's, or any of diffusers by folder."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.specs.pipeline import Spec
from data.specs.refine import RefineSpec
from engines.refine.protocol import Shape, Windows, read_options

if TYPE_CHECKING:
    from torch import Tensor

VERSION = "1"
PUBLISHED = 4, 4, 4  # frames, rows and columns of one code


class Options(Spec):
    """What the shapes of published weights do not tell."""

    downsample: tuple[int, int, int] | None = None
    """Frames, rows and columns of one code, e.g. 4,4,4; files of `train-refiner` say so."""


def digests(spec: RefineSpec) -> dict[str, str]:
    """The digest of the weights file, or of the autoencoder's folder."""
    from engines.generate.pipelines.digest import base_digest
    from engines.refine.autoencoders import autoencoder_folder
    from engines.refine.weights import digest_weights, find_weights

    if folder := find_folder(spec):
        inner = autoencoder_folder(folder)
        return {"model": base_digest(inner.parent, inner.name)}
    return {"model": digest_weights(find_weights("vq", spec.weights))}


def find_folder(spec: RefineSpec) -> Path | None:
    """The folder of an autoencoder of diffusers; None where weights are VideoGPT's."""
    folder = Path(spec.weights or "")
    trained = folder / "refiner.safetensors"
    return folder if spec.weights and folder.is_dir() and not trained.exists() else None


class Refiner:
    """Gives what an autoencoder makes of a clip: what it has no code for is lost."""

    def __init__(self, spec: RefineSpec) -> None:
        from engines.refine.autoencoders import find_multiple
        from engines.refine.weights import find_weights, read_file_sizes

        self.options = read_options(Options, spec.refiner, spec.options)
        self.folder, self.precision = find_folder(spec), spec.precision
        if self.folder:
            self.shape = Shape(multiple=find_multiple(self.folder), values=(-1.0, 1.0))
            return
        self.file = find_weights("vq", spec.weights)
        _, sizes = read_file_sizes("vq", self.file) or ("", {})
        self.downsample = sizes.get("downsample") or self.options.downsample or PUBLISHED
        self.shape = Shape(multiple=max(self.downsample[1:]), values=(-0.5, 0.5))

    def load(self) -> None:
        """Loads the autoencoder; a UserError names every parameter that does not fit."""
        self._restore: Callable[[Tensor], Tensor]
        if self.folder:
            from engines.refine.autoencoders import FolderAutoencoder

            self._restore = FolderAutoencoder(self.folder).reconstruct
            return
        from engines.refine.weights import load_network

        options = {"downsample": self.downsample}
        network, step = load_network("vq", self.file, options), self.downsample[0]
        self._restore = lambda clips: network(_pad_time(clips, step))[0][:, :, : clips.shape[2]]

    def refine(self, windows: Windows) -> np.ndarray:
        from engines.refine.run_network import run_windows

        return run_windows(self._restore, [windows.frames], self.precision)


def _pad_time(clips: "Tensor", step: int) -> "Tensor":
    """The clips with their last frame repeated, up to a multiple of `step` frames."""
    import torch

    last = clips[:, :, -1:].expand(-1, -1, -clips.shape[2] % step, -1, -1)
    return torch.cat([clips, last], dim=2)
