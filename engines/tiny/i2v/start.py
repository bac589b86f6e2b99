"""Writes an untrained MotionRAG release in small, which `train-motion` starts from.

`python -m engines.tiny.i2v.start` writes it beside its encoders.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from engines.generate.motionrag.motion_sites import list_motion_sites
from engines.generate.motionrag.release import Release
from engines.generate.motionrag.release_writing import save_release
from engines.tiny.i2v.encoders import WIDTH
from engines.tiny.i2v.folders import BASE, RELEASE

if TYPE_CHECKING:
    from torch import nn

DIM = 64  # of a token: one head, as a release's heads are of 64
QUERIES = 8  # tokens of a clip


def build_release(base: "nn.Module", seed: int = 0) -> Release:
    """Random networks of 0.5 million parameters for a base, and encoders of `WIDTH`."""
    import torch

    from engines.nets.motion_adapter import MotionAdapters
    from engines.nets.motion_context import MotionContext
    from engines.nets.perceiver import PerceiverResampler

    torch.manual_seed(seed)
    small = {"queries": QUERIES, "depth": 2, "heads": 1}
    resampler, appearance = (PerceiverResampler(WIDTH, DIM, **small) for _ in range(2))
    context = MotionContext(appearance, DIM, queries=QUERIES, layers=3, heads=1)
    return Release(resampler, context, MotionAdapters(list_motion_sites(base), DIM))


def main() -> None:
    """Writes the release for the small base."""
    import torch
    from diffusers import UNetSpatioTemporalConditionModel

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, default=BASE)
    parser.add_argument("--folder", type=Path, default=RELEASE)
    options = parser.parse_args()
    unet = UNetSpatioTemporalConditionModel.from_pretrained(
        options.base / "unet", dtype=torch.float32, use_safetensors=True
    )
    save_release(build_release(unet), unet, options.folder)


if __name__ == "__main__":
    main()
