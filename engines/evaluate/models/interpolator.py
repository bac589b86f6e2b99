"""A user-supplied frame interpolator: a TorchScript network for the frame between two."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.batches import iter_batches
from data.errors import UserError
from data.specs.evaluate import EvaluateSpec
from engines.device import deterministic_inference, pick_device
from engines.embed.weights import digest_file
from engines.evaluate.vision.images import pad_edges
from engines.memory import is_out_of_memory

if TYPE_CHECKING:
    from torch import Tensor

FILE = "interpolator.pt"
FETCH = (
    "save a frame interpolator, such as VBench's AMT-S, as TorchScript that maps two (n, 3, H, W)"
    " in 0 to 1 to the middle frame; then confirm that you trust its code:"
    f" `sha256sum {FILE} > {FILE}.sha256`"
)
STEP = 16  # sides are padded to multiples of it
CHUNK = 4  # pairs per forward pass; fixed, as the last bits depend on it


class Interpolator:
    """Predicts the frame half-way between two frames."""

    def __init__(self, net: "Callable[[Tensor, Tensor], Tensor]") -> None:
        self._net = net

    def interpolate_pairs(self, earlier: np.ndarray, later: np.ndarray) -> np.ndarray:
        """(n, H, W, 3) float32 in 0 to 255, for n pairs (n, H, W, 3) uint8.

        Frames are padded by repeated edges to multiples of 16, and the result is cropped back.
        """
        (first, where), (second, _) = pad_edges(earlier, STEP), pad_edges(later, STEP)
        pairs = iter_batches(zip(first, second, strict=True), CHUNK)
        parts = [self._interpolate_chunk(*map(np.stack, zip(*pair, strict=True))) for pair in pairs]
        return np.concatenate([first[:0].astype(np.float32), *parts])[:, where[0], where[1]]

    def _interpolate_chunk(self, earlier: np.ndarray, later: np.ndarray) -> np.ndarray:
        with deterministic_inference():
            first, second = _to_tensor(earlier), _to_tensor(later)
            middle = self._net(first, second)
            if middle.shape != first.shape:
                raise UserError(
                    f"the interpolator returned {tuple(middle.shape)} for two"
                    f" {tuple(first.shape)}: it must return one frame of the same shape"
                )
            return (middle.clamp(0, 1) * 255).permute(0, 2, 3, 1).cpu().numpy()


def load(spec: EvaluateSpec, file: str) -> Interpolator:
    """Loads a TorchScript file whose SHA-256 the user has confirmed in a file beside it."""
    import torch

    _check_digest(file)
    try:
        net = torch.jit.load(file, map_location=pick_device()).eval()
    except (RuntimeError, ValueError) as error:
        if is_out_of_memory(error):
            raise
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"{file} is not TorchScript ({reason}): {FETCH}") from error
    return Interpolator(net)


def _check_digest(file: str) -> None:
    """Raises UserError unless the user has confirmed the file's SHA-256."""
    # TorchScript runs arbitrary code on this machine, so a path alone is not consent.
    record = Path(f"{file}.sha256")
    if not record.is_file():
        raise UserError(
            f"{file} is TorchScript, which runs code: if you trust it, run"
            f" `sha256sum {file} > {record}`"
        )
    if record.read_text().split()[:1] != [digest_file(file)]:
        raise UserError(f"{file} does not match the SHA-256 in {record}: download it again")


def _to_tensor(frames: np.ndarray) -> "Tensor":
    import torch

    return torch.from_numpy(frames).permute(0, 3, 1, 2).to(pick_device()).float() / 255
