"""What an extractor of features is: a module in `engines/evaluate/distance/extractors/`."""

from typing import Protocol

import numpy as np

from data.errors import UserError
from data.specs.distance import ClipSpec
from engines.base import plugin
from engines.embed.weights import file_digest
from engines.evaluate.distance.torchscript import refuse_unknown


class Extractor(Protocol):
    """A module in `extractors/` has a class `Extractor(spec)`, and five constants.

    `VERSION` is raised where features change. `LABEL` and `KERNEL` are what the two distances of
    its features are called: FVD and KVD are those of I3D alone. `FILE` names its weights as they
    are published (None: it needs none), `FETCH` says how to get them. `least` and `most` are the
    numbers of frames that it can take.
    """

    dim: int
    size: int | None  # of the square pictures that it sees; None: their own
    values: str  # what black and white become, for the record
    least: int
    most: int | None

    def load(self) -> None: ...

    def __call__(self, clips: np.ndarray) -> np.ndarray:
        """(n, frames, height, width, 3) RGB bytes to (n, dim) float32, each clip by itself.

        What is beside a clip does not change its feature by a bit.
        """
        ...


def extractor(spec: ClipSpec) -> Extractor:
    """The spec's extractor, not loaded; a UserError where it cannot take that many frames."""
    found: Extractor = plugin("evaluate.distance.extractors", spec.extractor).Extractor(spec)
    if spec.frames < found.least or (found.most is not None and spec.frames > found.most):
        wanted = f"{found.least}" if found.least == found.most else f"{found.least} or more"
        raise UserError(f"{spec.extractor} takes clips of {wanted} frames, not {spec.frames}")
    return found


def pinned(spec: ClipSpec) -> ClipSpec:
    """The spec with the digest of its weights. A UserError without weights, or with other ones."""
    module = plugin("evaluate.distance.extractors", spec.extractor)
    if module.FILE is None:
        return spec.model_copy(update={"weights": None, "sha256": None})
    if spec.weights is None:
        raise UserError(
            f"{module.LABEL} needs --weights PATH: {module.FILE}, {module.FETCH}. Without weights,"
            " ask for another distance by name: --extractor pixel_stats"
        )
    try:
        digest = file_digest(spec.weights)
    except OSError as error:
        raise UserError(f"no weights in {spec.weights}: {error.strerror}") from error
    refuse_unknown(spec)
    if spec.sha256 not in (None, digest):
        raise UserError(f"{spec.weights} has the SHA-256 {digest}, not {spec.sha256}: get it anew")
    return spec.model_copy(update={"sha256": digest, "weights": spec.weights})
