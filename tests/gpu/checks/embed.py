"""Vectors of pictures and texts, by the bundled model and by published architectures."""

from functools import partial
from pathlib import Path

import numpy as np
from gpu.check import Check, LeftOut, Load, Outputs

TEXTS = ("a red ball moves to the left", "a blue square", "")
PUBLISHED = {"ViT-B-32": 64, "ViT-L-14": 16}  # pictures


def _make(model: str, precision: str, folder: Path, full: bool) -> Load:
    from data.specs.pipeline import EmbedSpec
    from engines import bundled
    from engines.embed.models.open_clip import Embedder

    weights, pictures = None, 20
    if model != bundled.NAME:
        if not full:
            raise LeftOut("of the published size alone")
        weights, pictures = str(_write_weights(model, folder)), PUBLISHED[model]
    spec = EmbedSpec(model=model, weights=weights, precision=precision)

    def load():
        made = Embedder(spec)
        made.load()
        shape = (pictures, 3, made.resize.size, made.resize.size)
        pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)

        def run() -> Outputs:
            return {"images": made.embed_images(pixels), "texts": made.embed_text(TEXTS)}

        return run

    return load


def _write_weights(model: str, folder: Path) -> Path:
    import torch
    from safetensors.torch import save_file

    from engines.open_clip_import import import_open_clip

    torch.manual_seed(0)
    file = folder / "weights.safetensors"
    made = import_open_clip().create_model(model)
    save_file({k: v.contiguous() for k, v in made.state_dict().items()}, file)
    return file


def _check(model: str, precision: str, tolerance: float) -> Check:
    return Check(f"{model} {precision}", partial(_make, model, precision), tolerance)


CHECKS = [
    _check(model, precision, tolerance)
    for model in ("reelflow-tiny", *PUBLISHED)
    # A CPU rounds to half precision elsewhere than a GPU: 8 bits are 0.004 at each step.
    for precision, tolerance in (("fp32", 1e-3), ("bf16", 5e-2), ("fp16", 1e-2))
]
