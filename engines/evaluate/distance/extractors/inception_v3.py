"""Inception-v3's pooled features of every frame: those of FID and KID."""

from typing import Any

import numpy as np

from data.errors import UserError
from data.specs.distance import ClipSpec

VERSION, LABEL, KERNEL = "1", "FID", "KID"
FILE = "pt_inception-2015-12-05-6726825d.pth"
FETCH = "released with pytorch-fid, and with torch-fidelity under the name weights-inception-…"
BATCH = 16  # frames of a clip at once


class Extractor:
    """2048 channels after the average pool, for each frame (Heusel et al. 2017).

    A clip has a row for each of its frames; distances pool the frames of all clips.
    """

    dim, least, most = 2048, 1, None
    size, values = 299, "(x - 128) / 128"
    resize = "bilinear as in TensorFlow 1, directly, antialias off, no half-pixel centres"

    def __init__(self, spec: ClipSpec) -> None:
        if spec.resize != "direct" or spec.antialias:
            raise UserError("FID resizes as its authors do: leave out --resize and --antialias")
        self.spec = spec

    def load(self) -> None:
        from engines.device import limit_threads, pick_device

        limit_threads()
        assert self.spec.weights is not None
        self._net, self._device = load_network(self.spec.weights), pick_device()

    def __call__(self, clips: np.ndarray) -> np.ndarray:
        """(n, frames, 2048) float32."""
        return np.stack([self._extract_clip(clip) for clip in clips])

    def _extract_clip(self, clip: np.ndarray) -> np.ndarray:
        import torch

        from engines.device import deterministic_inference
        from engines.nets.fid_inception import resize_like_tf1

        rows = []
        with deterministic_inference():
            for start in range(0, len(clip), BATCH):
                frames = torch.from_numpy(clip[start : start + BATCH]).to(self._device)
                pictures = resize_like_tf1(frames.permute(0, 3, 1, 2).float())
                rows.append(self._net((pictures - 128) / 128).cpu())
        return torch.cat(rows).numpy()


def load_network(file: str) -> Any:
    """The network with a file's weights, each of its names and shapes checked."""
    from engines.checkpoint import load_weights, read_weights
    from engines.nets.fid_inception import FidInception

    model, weights = FidInception(), read_weights(file)
    # Batch norm's training counters, which the published file leaves out, are not used.
    counters = {k: v for k, v in model.state_dict().items() if k.endswith("num_batches_tracked")}
    return load_weights(model, counters | weights, f"FID's Inception-v3 ({file})")
