"""I3D's logits of Kinetics-400: the features of FVD."""

from typing import TYPE_CHECKING, Any

import numpy as np

from data.errors import UserError
from data.specs.distance import ClipSpec

if TYPE_CHECKING:
    from torch import Tensor

VERSION, LABEL, KERNEL = "1", "FVD", "KVD"
FILE = "i3d_pretrained_400.pt or i3d_torchscript.pt"
FETCH = (
    "the weights of TF-Hub's deepmind/i3d-kinetics-400/1 as the common PyTorch ports have them"
    " (I3D as first released has other weights, and gives other figures)"
)
SIZE = 224


class Extractor:
    """400 logits, averaged over time (Unterthiner et al. 2018).

    From a state dict, or from a TorchScript file, which is run and so needs its SHA-256 given.
    """

    dim, least, most = 400, 9, None
    size, values = SIZE, "-1 to 1"

    def __init__(self, spec: ClipSpec) -> None:
        self.spec = spec

    def load(self) -> None:
        import torch

        from engines.evaluate.distance.torchscript import scripted
        from engines.evaluate.vision.device import device

        torch.set_num_threads(1)  # on a CPU, last bits follow their number
        assert self.spec.weights is not None
        self._device = device()
        script = scripted(self.spec, self._device)
        self._net: Any = script or _state_dict(self.spec.weights)
        # The script of the ports resizes and rescales by itself unless it is told not to.
        told = {"rescale": False, "resize": False, "return_features": True}
        self._told = told if script else {}

    def __call__(self, clips: np.ndarray) -> np.ndarray:
        """(n, 400) float32."""
        return np.stack([self._one(clip) for clip in clips])

    def _one(self, clip: np.ndarray) -> np.ndarray:
        from engines.evaluate.distance.clips import resized
        from engines.evaluate.vision.device import exactly

        with exactly():
            pixels = resized(clip, SIZE, self.spec).to(self._device) / 127.5 - 1
            logits: Tensor = self._net(pixels, **self._told)
        if logits.shape != (1, self.dim):
            raise UserError(
                f"{self.spec.weights} gives {tuple(logits.shape)}, not (1, {self.dim}) logits:"
                " it is no I3D of Kinetics-400"
            )
        return logits[0].float().cpu().numpy()


def _state_dict(file: str) -> Any:
    from engines.evaluate.vision.checkpoint import load, read
    from engines.nets.i3d import I3D

    held = read(file)
    model = I3D()
    counters = {k: v for k, v in model.state_dict().items() if k.endswith("num_batches_tracked")}
    return load(model, counters | held, f"I3D ({file})")  # counters of training: of no use
