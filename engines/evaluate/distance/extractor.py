"""The feature extractor interface, and building one from a spec."""

from typing import Protocol

import numpy as np

from data.errors import UserError
from data.specs.distance import ClipSpec
from engines.base import load_plugin
from engines.embed.weights import digest_file
from engines.evaluate.distance.torchscript import reject_unknown_script
from engines.weights_file import check_weights_file


class Extractor(Protocol):
    """An extractor plugin is a module with a class `Extractor(spec)` and five constants.

    `VERSION` is raised when features change. `LABEL` and `KERNEL` name the Fréchet and the kernel
    distance of its features: only I3D's are called FVD and KVD, only Inception's FID and KID.
    `FILE` is the published name of its weights (None if it needs none), `FETCH` says how to get
    them. `least` and `most` limit the number of frames.
    """

    dim: int
    size: int | None  # side of the square input pictures; None: the clip's own size
    values: str  # the range of input values, for the result's protocol
    resize: str | None  # how pictures are resized, for the same; None: as the spec says
    least: int
    most: int | None

    def load(self) -> None: ...

    def __call__(self, clips: np.ndarray) -> np.ndarray:
        """(n, frames, height, width, 3) RGB bytes to (n, dim) float32, or (n, rows, dim).

        Distances pool the rows of all clips.

        Each clip is processed by itself: other clips do not change a bit of its feature.
        """
        ...


def build_extractor(spec: ClipSpec) -> Extractor:
    """The spec's extractor, not yet loaded; raises UserError if it cannot take that many frames."""
    extractor: Extractor = load_plugin("evaluate.distance.extractors", spec.extractor).Extractor(
        spec
    )
    least, most = extractor.least, extractor.most
    if spec.frames < least or (most is not None and spec.frames > most):
        allowed = f"{least}" if least == most else f"{least} or more"
        raise UserError(f"{spec.extractor} takes clips of {allowed} frames, not {spec.frames}")
    return extractor


def pin_weights(spec: ClipSpec, option: str = "--weights") -> ClipSpec:
    """The spec with the digest of its weights; raises UserError if they are missing or differ.

    `option` is what names them on the command line.
    """
    module = load_plugin("evaluate.distance.extractors", spec.extractor)
    if module.FILE is None:
        return spec.model_copy(update={"weights": None, "sha256": None})
    if spec.weights is None:
        raise UserError(
            f"{module.LABEL} needs {option} PATH: {module.FILE}, {module.FETCH}. Without weights,"
            " use an extractor that needs none: --extractor pixel_stats"
        )
    check_weights_file(spec.weights)
    try:
        digest = digest_file(spec.weights)
    except OSError as error:
        raise UserError(f"cannot read weights {spec.weights}: {error.strerror}") from error
    reject_unknown_script(spec)
    if spec.sha256 not in (None, digest):
        raise UserError(
            f"{spec.weights} has SHA-256 {digest}, not {spec.sha256}: download it again"
        )
    return spec.model_copy(update={"sha256": digest, "weights": spec.weights})
