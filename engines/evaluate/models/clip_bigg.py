"""OpenCLIP's ViT-bigG/14 of LAION-2B (Cherti et al. 2023), or another model in its layout."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from data.batches import iter_batches
from data.errors import UserError
from data.specs.evaluate import EvaluateSpec
from engines import checkpoint
from engines.device import deterministic_inference, pick_device
from engines.evaluate.protocol import Sample
from engines.evaluate.vision.encoder import CHUNK
from engines.evaluate.vision.registry import ModelRegistry
from engines.open_clip_import import import_open_clip

FOLDER = "CLIP-ViT-bigG-14-laion2B-39B-b160k"
FILE = f"{FOLDER}/open_clip_model.safetensors"
FETCH = f"hf download laion/{FOLDER} --local-dir {FOLDER}"
CONFIG = "open_clip_config.json"


class BigClip:
    """Unit vectors of pictures and texts, by open_clip's own preprocessing."""

    def __init__(self, model: Any, transform: Any, tokenizer: Any) -> None:
        self._model, self._transform, self._tokenizer = model, transform, tokenizer
        self._dtype = next(model.parameters()).dtype

    def embed_images(self, frames: np.ndarray) -> np.ndarray:
        """(n, dim) float32 unit vectors of (n, H, W, 3) RGB bytes."""
        import torch
        from PIL import Image

        vectors = []
        for some in iter_batches(frames, CHUNK):
            pixels = torch.stack([self._transform(Image.fromarray(frame)) for frame in some])
            with deterministic_inference():
                given = pixels.to(pick_device(), self._dtype)
                found = self._model.encode_image(given, normalize=True)
                vectors.append(found.float().cpu().numpy())
        return np.concatenate(vectors)

    def embed_text(self, text: str) -> np.ndarray:
        """(dim,) float32 unit vector."""
        with deterministic_inference():
            tokens = self._tokenizer([text]).to(pick_device())
            vector = self._model.encode_text(tokens, normalize=True)[0]
            return np.asarray(vector.float().cpu())


def load(spec: EvaluateSpec, file: str) -> BigClip:
    """The model of these weights, in the sizes of its folder's open_clip_config.json."""
    import torch

    clip = import_open_clip()
    try:
        config = json.loads((Path(file).parent / CONFIG).read_text())
        sizes, look = config["model_cfg"], config["preprocess_cfg"]
        model = clip.CLIP(**sizes)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file} needs {CONFIG} beside it: {error}") from error
    checkpoint.load_weights(model, checkpoint.read_weights(file), f"OpenCLIP ({file})")
    if pick_device() == "cuda":  # as published; a CPU computes in float32
        model = model.to(torch.float16)
    transform = clip.image_transform(
        model.visual.image_size, is_train=False, mean=look["mean"], std=look["std"]
    )
    return BigClip(
        model, transform, clip.tokenizer.SimpleTokenizer(context_length=model.context_length)
    )


def embed_frames(video: Sample, models: ModelRegistry) -> np.ndarray:
    """The vectors of a video's frames, computed once for all metrics."""
    return video.compute_once(
        "clip_bigg", lambda: models.get("clip_bigg").embed_images(video.frames)
    )
