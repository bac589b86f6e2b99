"""VideoMAE v2's features after Something-Something v2: those of content-debiased FVD."""

from typing import Any

import numpy as np

from data.specs.distance import ClipSpec

VERSION, LABEL, KERNEL = "1", "fd_videomae_v2_ssv2", "kd_videomae_v2_ssv2"
FILE = "vit_g_hybrid_pt_1200e_ssv2_ft.pth"
FETCH = "released with VideoMAE v2, on request of its authors"
SIZE, HEAD_WIDTH = 224, 88  # ViT-g: 1408 channels in 16 heads


class Extractor:
    """The mean token, normalised: 1408 numbers of ViT-g (Ge et al. 2024, Wang et al. 2023).

    Clips are 16 frames: positions for other lengths were never learnt.
    """

    dim, least, most = 1408, 16, 16
    size, values = SIZE, "0 to 1"

    def __init__(self, spec: ClipSpec) -> None:
        self.spec = spec

    def load(self) -> None:
        import torch

        from engines.evaluate.vision.device import device

        torch.set_num_threads(1)  # on a CPU, last bits follow their number
        assert self.spec.weights is not None
        self._net, self._device = net(self.spec.weights), device()
        self.dim = self._net.fc_norm.weight.shape[0]

    def __call__(self, clips: np.ndarray) -> np.ndarray:
        """(n, 1408) float32."""
        return np.stack([self._one(clip) for clip in clips])

    def _one(self, clip: np.ndarray) -> np.ndarray:
        from engines.evaluate.distance.clips import resized
        from engines.evaluate.vision.device import exactly

        with exactly():
            pixels = resized(clip, SIZE, self.spec).to(self._device) / 255
            return self._net.features(pixels)[0].cpu().numpy()


def net(file: str) -> Any:
    """The network in a checkpoint, whose sizes are read off it."""
    from engines.evaluate.vision.checkpoint import Shapes, load, read
    from engines.nets.video_transformer import VideoTransformer

    of = f"VideoMAE v2 ({file})"
    held = read(file)
    shapes = Shapes(held, of)
    width, _, depth, patch, _ = shapes["patch_embed.proj.weight"]
    inner, classes = shapes["blocks.0.mlp.fc1.bias"][0], shapes["head.bias"][0]
    blocks = 1 + max(int(name.split(".")[1]) for name in held if name.startswith("blocks."))
    heads = max(1, width // HEAD_WIDTH)
    return load(VideoTransformer(width, blocks, heads, inner, patch, depth, classes), held, of)
