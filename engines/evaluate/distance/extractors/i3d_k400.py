"""I3D's Kinetics-400 logits: the features of FVD."""

from typing import TYPE_CHECKING, Any

import numpy as np

from data.errors import UserError
from data.specs.distance import ClipSpec

if TYPE_CHECKING:
    from torch import Tensor

VERSION, LABEL, KERNEL = "1", "FVD", "KVD"
FILE = "i3d_pretrained_400.pt or i3d_torchscript.pt"
FETCH = (
    "the weights of TF-Hub's deepmind/i3d-kinetics-400/1, converted by the common PyTorch ports"
    " (the first release of I3D has other weights and gives other values)"
)
SIZE = 224


class Extractor:
    """400 logits before the soft-max, averaged over time (Unterthiner et al. 2018).

    Loads a state dict, or a TorchScript file, which runs code and so needs a known SHA-256.
    """

    dim, least, most = 400, 9, None
    size, values = SIZE, "-1 to 1"
    resize = None

    def __init__(self, spec: ClipSpec) -> None:
        self.spec = spec

    def load(self) -> None:
        import torch

        from engines.device import pick_device
        from engines.evaluate.distance.torchscript import load_script

        torch.set_num_threads(1)  # on a CPU, last bits depend on the number of threads
        assert self.spec.weights is not None
        self._device = pick_device()
        script = load_script(self.spec, self._device)
        self._net: Any = script or _load_state_dict(self.spec.weights)
        # The ports' script resizes and rescales by itself unless these options say otherwise.
        options = {"rescale": False, "resize": False, "return_features": True}
        self._options = options if script else {}

    def __call__(self, clips: np.ndarray) -> np.ndarray:
        """(n, 400) float32."""
        return np.stack([self._extract_clip(clip) for clip in clips])

    def _extract_clip(self, clip: np.ndarray) -> np.ndarray:
        from engines.device import deterministic_inference
        from engines.evaluate.distance.clips import resize_clip

        with deterministic_inference():
            pixels = resize_clip(clip, SIZE, self.spec).to(self._device) / 127.5 - 1
            logits: Tensor = self._net(pixels, **self._options)
        if logits.shape != (1, self.dim):
            raise UserError(
                f"{self.spec.weights} returns {tuple(logits.shape)}, not (1, {self.dim}) logits:"
                " it is not an I3D trained on Kinetics-400"
            )
        return logits[0].float().cpu().numpy()


def _load_state_dict(file: str) -> Any:
    from engines.checkpoint import load_weights, read_weights
    from engines.nets.i3d import I3D

    weights = read_weights(file)
    model = I3D()
    counters = {k: v for k, v in model.state_dict().items() if k.endswith("num_batches_tracked")}
    # Batch norm's training counters, which some ports leave out, are not used for inference.
    return load_weights(model, counters | weights, f"I3D ({file})")
