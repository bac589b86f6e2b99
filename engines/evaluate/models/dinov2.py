"""DINOv2 (Oquab et al. 2023): appearance vectors, the class token after the last norm."""

from pathlib import Path
from typing import Any

import numpy as np

from data.batches import iter_batches
from data.specs.evaluate import EvaluateSpec
from engines.device import deterministic_inference, pick_device
from engines.evaluate.vision.encoder import CHUNK
from engines.generate.motionrag.encoders import RESIZED, choose_crop, prepare_frames
from engines.pretrained import load_pretrained

FOLDER = "dinov2-large"
FILE = f"{FOLDER}/model.safetensors"
FETCH = f"hf download facebook/{FOLDER} --local-dir {FOLDER}"


class Dinov2:
    """Vectors of pictures: the shorter side resized to 256 (bicubic), the centre 224 (6.1)."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def embed(self, frames: np.ndarray) -> np.ndarray:
        """(n, dim) float32 of (n, H, W, 3) RGB bytes, not normalised."""
        crop = choose_crop(self._model.config)
        vectors = []
        for some in iter_batches(frames, CHUNK):
            pixels = np.stack(some).transpose(0, 3, 1, 2)
            with deterministic_inference():
                seen = prepare_frames(pixels, round(crop * RESIZED), crop, "bicubic", pick_device())
                states = self._model(pixel_values=seen).last_hidden_state
                vectors.append(states[:, 0].float().cpu().numpy())
        return np.concatenate(vectors)


def load(spec: EvaluateSpec, file: str) -> Dinov2:
    """DINOv2 in the folder of these weights; a UserError where it does not load."""
    import transformers

    model = load_pretrained(transformers.Dinov2Model, Path(file).parent)
    return Dinov2(model.to(pick_device()))
