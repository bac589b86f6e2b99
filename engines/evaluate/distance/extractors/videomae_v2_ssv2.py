"""VideoMAE v2 fine-tuned on Something-Something v2: the features of content-debiased FVD."""

from typing import Any

import numpy as np

from data.specs.distance import ClipSpec

VERSION, LABEL, KERNEL = "1", "fd_videomae_v2_ssv2", "kd_videomae_v2_ssv2"
FILE = "vit_g_hybrid_pt_1200e_ssv2_ft.pth"
FETCH = "released with VideoMAE v2, on request from its authors"
SIZE, HEAD_WIDTH = 224, 88  # ViT-g: 1408 channels in 16 heads


class Extractor:
    """The normalised mean token: 1408 numbers of ViT-g (Ge et al. 2024, Wang et al. 2023).

    Clips have 16 frames, the only length that it was trained on.
    """

    dim, least, most = 1408, 16, 16
    size, values = SIZE, "0 to 1"
    resize = None

    def __init__(self, spec: ClipSpec) -> None:
        self.spec = spec

    def load(self) -> None:
        import torch

        from engines.device import pick_device

        torch.set_num_threads(1)  # on a CPU, last bits depend on the number of threads
        assert self.spec.weights is not None
        self._net, self._device = load_network(self.spec.weights), pick_device()
        self.dim = self._net.fc_norm.weight.shape[0]

    def __call__(self, clips: np.ndarray) -> np.ndarray:
        """(n, 1408) float32."""
        return np.stack([self._extract_clip(clip) for clip in clips])

    def _extract_clip(self, clip: np.ndarray) -> np.ndarray:
        from engines.device import deterministic_inference
        from engines.evaluate.distance.clips import resize_clip

        with deterministic_inference():
            pixels = resize_clip(clip, SIZE, self.spec).to(self._device) / 255
            return self._net.extract_features(pixels)[0].cpu().numpy()


def load_network(file: str) -> Any:
    """Builds the network in the sizes of a checkpoint and loads its weights."""
    from engines.checkpoint import WeightShapes, load_weights, read_weights
    from engines.nets.video_transformer import VideoTransformer

    label = f"VideoMAE v2 ({file})"
    weights = read_weights(file)
    shapes = WeightShapes(weights, label)
    width, _, depth, patch, _ = shapes["patch_embed.proj.weight"]
    inner, classes = shapes["blocks.0.mlp.fc1.bias"][0], shapes["head.bias"][0]
    blocks = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("blocks."))
    heads = max(1, width // HEAD_WIDTH)
    return load_weights(
        VideoTransformer(width, blocks, heads, inner, patch, depth, classes), weights, label
    )
