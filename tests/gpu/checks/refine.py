"""Refiners that are networks, on windows with holes."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from gpu.check import Check, Load, Outputs

# As published; small ones are the bundled weights'.
SIZES: dict[str, dict[str, Any]] = {"unet": {}, "vq": {}, "fuse": {"map": (60, 108)}}
SMALL_FUSE = {"hidden": 16, "blocks": 1, "heads": 2, "map": (8, 8)}


def _make(name: str, precision: str, folder: Path, full: bool) -> Load:
    from data.specs.refine import RefineSpec
    from engines.refine.plugins import build_refiner
    from engines.refine.protocol import Windows

    options = {"strength": 0.5, "steps": 4} if name == "sdedit" else {}
    weights = _write_weights(name, folder, full)
    spec = RefineSpec(refiner=name, weights=weights, precision=precision, options=options)

    def load():
        refiner = build_refiner(spec)
        refiner.load()
        low, high = refiner.shape.values
        height, width = refiner.shape.size or ((240, 432) if full else (32, 32))
        rng = np.random.default_rng(0)
        frames = rng.uniform(low, high, (1, 5, height, width, 3)).astype(np.float32)
        holes = rng.random(frames.shape[:-1]) < 0.1
        windows = Windows(frames, holes, (1,), "a red ball")

        def run() -> Outputs:
            return {"frames": refiner.refine(windows)}

        return run

    return load


def _write_weights(name: str, folder: Path, full: bool) -> str | None:
    """Random weights of the published sizes; None for those that are bundled."""
    import torch

    from engines.refine.networks import build_network, save_network

    if name == "sdedit":
        from support import zeroscope

        zeroscope.pipeline().save_pretrained(folder / "base")
        return str(folder / "base")
    if not full and name != "fuse":
        return None
    torch.manual_seed(0)
    network = build_network(name, SIZES[name] if full else SMALL_FUSE)
    for each in network.parameters():  # some begin as zeros, which would hide what they do
        if not each.any():
            torch.nn.init.normal_(each, std=0.02)
    save_network(network, name, folder / "refiner.safetensors", torch.float32)
    return str(folder / "refiner.safetensors")


CHECKS = [
    *(Check(name, partial(_make, name, "fp32")) for name in ("unet", "vq", "fuse", "sdedit")),
    Check("unet bf16", partial(_make, "unet", "bf16"), 5e-2),
    Check("fuse fp16", partial(_make, "fuse", "fp16"), 2e-2),
]
