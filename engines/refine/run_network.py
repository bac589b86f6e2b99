"""Runs a refiner's network on windows of clips, in numpy."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from data.specs.pipeline import Spec
from engines.refine.weights import load_network

if TYPE_CHECKING:
    from torch import Tensor

DTYPES = {"bf16": "bfloat16", "fp16": "float16"}


class LoadedNetwork:
    """A network with its weights, on its device; `sizes` are its dataclass of sizes."""

    def __init__(self, kind: str, file: str, options: Spec, precision: str) -> None:
        self.module = load_network(kind, file, options.model_dump())
        self.sizes: Any = self.module.config
        self.precision = precision

    def run(self, frames: np.ndarray, holes: np.ndarray | None = None) -> np.ndarray:
        """The network's windows of `frames` (B, T, H, W, 3), and of `holes` if it takes them."""
        inputs = [frames] if holes is None else [frames, holes[..., None].astype(np.float32)]
        return run_windows(self.module, inputs, self.precision)


def run_windows(
    restore: "Callable[..., Tensor]", windows: list[np.ndarray], precision: str
) -> np.ndarray:
    """`restore` of windows (B, T, H, W, C), which it gets and gives as (B, C, T, H, W)."""
    import torch

    from engines.device import deterministic_inference, pick_device

    device = pick_device()
    dtype = getattr(torch, DTYPES.get(precision, "float32"))
    tensors = [torch.from_numpy(each).to(device).movedim(-1, 1) for each in windows]
    with (
        deterministic_inference(),
        torch.autocast(device, dtype, enabled=dtype != torch.float32),
    ):
        restored = restore(*tensors)
    return np.ascontiguousarray(restored.float().movedim(1, -1).cpu().numpy())
