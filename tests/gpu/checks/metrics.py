"""The models that metrics use: of pictures, faces, flow, actions, masks and named things."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from gpu.check import Check, Load, Outputs

Use = Callable[[Any, np.ndarray], Outputs]
SIDES = {"raft": (128, 136), "raft_large": (128, 136), "sam": (96, 128), "grounding": (48, 64)}
TAGS = ("man", "blue car")
BOXES = np.array([[5.0, 5.0, 60.0, 70.0], [40.0, 10.0, 120.0, 90.0]])


def _frames(name: str, count: int) -> np.ndarray:
    """(count, H, W, 3) of smooth colours, which move; noise would give flow nothing to follow."""
    height, width = SIDES.get(name, (72, 96))
    y, x = np.mgrid[:height, :width]
    waves = [
        [np.sin((x + 3 * n) / (5 + c)) + np.cos((y - 2 * n) / (7 + c)) for c in range(3)]
        for n in range(count)
    ]
    return (127 + 60 * np.array(waves)).astype(np.uint8).transpose(0, 2, 3, 1).copy()


def _use_raft(model: Any, frames: np.ndarray) -> Outputs:
    return {"flow": model.compute_flow(frames[:-1], frames[1:])}


def _use_sam(model: Any, frames: np.ndarray) -> Outputs:
    masks, scores = zip(*model.predict_masks(frames, [BOXES] * len(frames)), strict=True)
    return {"masks": np.concatenate(masks), "scores": np.concatenate(scores)}


def _use_grounding(model: Any, frames: np.ndarray) -> Outputs:
    scores, boxes = model.detect(frames, TAGS)
    return {"scores": scores, "boxes": boxes}


def _use_clip(model: Any, frames: np.ndarray) -> Outputs:
    return {"images": model.embed_images(frames), "texts": model.embed_texts(["a red ball", "b"])}


def _use_big_clip(model: Any, frames: np.ndarray) -> Outputs:
    return {"images": model.embed_images(frames), "text": model.embed_text("a red ball")}


def _use_faces(model: Any, frames: np.ndarray) -> Outputs:
    boxes = model.detect(list(frames))
    return {"boxes": np.array([box or (-1, -1, -1, -1) for box in boxes], np.float32)}


def _make(
    name: str, use: Use, count: int, options: dict[str, Any], folder: Path, full: bool
) -> Load:
    from gpu.weights import write_models

    from data.specs.evaluate import EvaluateSpec
    from engines.evaluate.vision.registry import ModelRegistry

    spec = EvaluateSpec(weights=write_models(folder, full, name), **options)

    def load():
        model, frames = ModelRegistry(spec).get(name), _frames(name, count)
        return lambda: use(model, frames)

    return load


def _check(
    name: str, use: Use, tolerance: float = 1e-3, frames: int = 3, says: str = "", **options: Any
) -> Check:
    made = partial(_make, name, use, frames, options)
    return Check(f"{name} {says}".strip(), made, tolerance)


def _embed(model: Any, frames: np.ndarray) -> Outputs:
    return {"vectors": model.embed(frames)}


CHECKS = [
    _check("clip", _use_clip, 2e-2, says="fp16"),
    _check("clip", _use_clip, says="fp32", clip_dtype="fp32"),
    _check("clip_bigg", _use_big_clip, 2e-2),  # in float16 on a GPU, as published
    _check("dino", _embed),
    _check("dinov2", _embed),
    _check("arcface", _embed),
    _check("face_detector", _use_faces, 2e-2),  # in whole pixels
    _check("raft", _use_raft, 1e-2),  # twenty updates, each of the one before
    _check("raft_large", _use_raft, 1e-2),
    _check("videomae_ssv2", lambda model, frames: {"logits": model.classify(frames)}, frames=16),
    _check("sam", _use_sam, 2e-2, frames=2),  # a pixel on a mask's edge may be on its other side
    _check("grounding", _use_grounding, 1e-2, frames=2),
]
