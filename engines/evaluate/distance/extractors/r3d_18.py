"""torchvision's 3D ResNet trained on Kinetics-400: features for users without I3D's weights."""

from typing import Any

import numpy as np

from data.specs.distance import ClipSpec

VERSION, LABEL, KERNEL = "1", "fd_r3d18", "kd_r3d18"
FILE = "r3d_18-b3b3357e.pth"
FETCH = "from https://download.pytorch.org/models/r3d_18-b3b3357e.pth"
SIZE = 112
MEAN, SPREAD = (0.43216, 0.394666, 0.37645), (0.22803, 0.22145, 0.216989)


class Extractor:
    """The 512 channels before the classification layer (Tran et al. 2018)."""

    dim, least, most = 512, 8, None
    size, values = SIZE, "0 to 1, then normalised by Kinetics' mean and deviation"
    resize = None

    def __init__(self, spec: ClipSpec) -> None:
        self.spec = spec

    def load(self) -> None:
        import torch
        from torchvision.models.video import r3d_18

        from engines.checkpoint import load_weights, read_weights
        from engines.device import pick_device

        torch.set_num_threads(1)  # on a CPU, last bits depend on the number of threads
        assert self.spec.weights is not None
        file, self._device = self.spec.weights, pick_device()
        self._net: Any = load_weights(r3d_18(weights=None), read_weights(file), f"r3d_18 ({file})")
        self._net.fc = torch.nn.Identity()

    def __call__(self, clips: np.ndarray) -> np.ndarray:
        """(n, 512) float32."""
        return np.stack([self._extract_clip(clip) for clip in clips])

    def _extract_clip(self, clip: np.ndarray) -> np.ndarray:
        import torch

        from engines.device import deterministic_inference
        from engines.evaluate.distance.clips import resize_clip

        mean, spread = (torch.tensor(each).view(1, 3, 1, 1, 1) for each in (MEAN, SPREAD))
        with deterministic_inference():
            pixels = (resize_clip(clip, SIZE, self.spec) / 255 - mean) / spread
            return self._net(pixels.to(self._device))[0].cpu().numpy()
