"""A frame interpolator of one's own: the frame between two, by a network that brings its code."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.batches import batched
from data.errors import UserError
from data.specs.evaluate import EvaluateSpec
from engines.embed.weights import file_digest
from engines.evaluate.vision.device import device, exactly
from engines.evaluate.vision.images import edged

if TYPE_CHECKING:
    from torch import Tensor

FILE = "interpolator.pt"
FETCH = (
    "save a frame interpolator, as VBench's AMT-S, as TorchScript: of two (n, 3, H, W) in 0 to 1"
    f" the middle; then say that you trust its code: `sha256sum {FILE} > {FILE}.sha256`"
)
STEP = 16  # sides are multiples of it
CHUNK = 4  # pairs at once: always, as the last bits hang on it


class Interpolator:
    """The frames that lie half-way between frames."""

    def __init__(self, net: "Callable[[Tensor, Tensor], Tensor]") -> None:
        self._net = net

    def middle(self, earlier: np.ndarray, later: np.ndarray) -> np.ndarray:
        """(n, H, W, 3) float32 in 0 to 255, of n pairs (n, H, W, 3) uint8.

        Edges are repeated to sides of multiples of 16 while the network looks, and cut again.
        """
        (first, where), (second, _) = edged(earlier, STEP), edged(later, STEP)
        pairs = batched(zip(first, second, strict=True), CHUNK)
        parts = [self._middle(*map(np.stack, zip(*pair, strict=True))) for pair in pairs]
        return np.concatenate([first[:0].astype(np.float32), *parts])[:, where[0], where[1]]

    def _middle(self, earlier: np.ndarray, later: np.ndarray) -> np.ndarray:
        with exactly():
            first, second = _shown(earlier), _shown(later)
            found = self._net(first, second)
            if found.shape != first.shape:
                raise UserError(
                    f"the interpolator gives {tuple(found.shape)} of two {tuple(first.shape)}:"
                    " it must give one frame of their shape"
                )
            return (found.clamp(0, 1) * 255).permute(0, 2, 3, 1).cpu().numpy()


def load(spec: EvaluateSpec, file: str) -> Interpolator:
    """The network of a TorchScript file, which is run only where its digest is vouched for."""
    import torch

    _check(file)
    try:
        net = torch.jit.load(file, map_location=device()).eval()
    except (RuntimeError, ValueError) as error:
        said = str(error).strip().splitlines()[0]
        raise UserError(f"{file} is no TorchScript ({said}): {FETCH}") from error
    return Interpolator(net)


def _check(file: str) -> None:
    """A UserError where nobody says that these bytes may be run."""
    beside = Path(f"{file}.sha256")
    if not beside.is_file():
        raise UserError(
            f"{file} is TorchScript, whose code is run: if you trust it,"
            f" `sha256sum {file} > {beside}`"
        )
    if beside.read_text().split()[:1] != [file_digest(file)]:
        raise UserError(f"{file} has not the SHA-256 that {beside} says: get it anew")


def _shown(frames: np.ndarray) -> "Tensor":
    import torch

    return torch.from_numpy(frames).permute(0, 3, 1, 2).to(device()).float() / 255
