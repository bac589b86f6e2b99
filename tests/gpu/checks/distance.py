"""Features that distances between videos are of: I3D, VideoMAE v2 and a 3-D ResNet."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from gpu.check import Check, Load

FRAMES = {"i3d_k400": 9, "r3d_18": 8, "videomae_v2_ssv2": 16}


def _make(name: str, folder: Path, full: bool) -> Load:
    import torch

    from data.specs.distance import ClipSpec
    from engines.evaluate.distance.extractor import build_extractor, pin_weights

    torch.manual_seed(0)
    file = folder / "weights.pt"
    torch.save(_build_network(name, full).state_dict(), file)
    spec = pin_weights(ClipSpec(extractor=name, weights=str(file), frames=FRAMES[name]))
    shape = (1, spec.frames, 40, 60, 3)
    clips = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)

    def load():
        extractor = build_extractor(spec)
        threads = torch.get_num_threads()
        extractor.load()  # which sets one, so that last bits are the same everywhere
        torch.set_num_threads(threads)
        return lambda: {"features": extractor(clips)}

    return load


def _build_network(name: str, full: bool) -> Any:
    if name == "i3d_k400":
        from engines.nets.i3d import I3D

        return I3D()
    if name == "r3d_18":
        from torchvision.models.video import r3d_18

        return r3d_18(weights=None)
    from engines.nets.video_transformer import VideoTransformer

    sizes = (1408, 40, 16, 6144, 14, 2, 174) if full else (176, 1, 2, 64, 14, 2, 5)  # ViT-g
    return VideoTransformer(*sizes)


CHECKS = [Check(name, partial(_make, name)) for name in FRAMES]
