"""VideoMAE fine-tuned on Something-Something v2 (Tong et al. 2022): logits of 174 actions."""

from pathlib import Path
from typing import Any

import numpy as np

from data.specs.evaluate import EvaluateSpec
from engines.device import deterministic_inference, pick_device
from engines.evaluate.protocol import Sample
from engines.generate.motionrag.encoders import prepare_frames
from engines.pretrained import load_pretrained

FOLDER = "videomae-base-finetuned-ssv2"
FILE = f"{FOLDER}/model.safetensors"
FETCH = f"hf download MCG-NJU/{FOLDER} --local-dir {FOLDER}"


class ActionClassifier:
    """Logits of a clip, of 16 frames spread evenly over it (motionrag.md, 6.1)."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def classify(self, frames: np.ndarray) -> np.ndarray:
        """(174,) float32 logits of (n, H, W, 3) RGB bytes."""
        config = self._model.config
        chosen = np.linspace(0, len(frames) - 1, config.num_frames).round().astype(int)
        clip = frames[chosen].transpose(0, 3, 1, 2)
        size = config.image_size
        # Spread over the whole clip, as the encoder of MotionRAG sees it.
        with deterministic_inference():
            pixels = prepare_frames(clip, size, size, "bilinear", pick_device())
            logits = self._model(pixel_values=pixels[None]).logits[0]
            return np.asarray(logits.float().cpu())


def load(spec: EvaluateSpec, file: str) -> ActionClassifier:
    """The classifier in the folder of these weights; a UserError where it does not load."""
    import transformers

    kind = transformers.VideoMAEForVideoClassification
    return ActionClassifier(load_pretrained(kind, Path(file).parent).to(pick_device()))


def score_logits(video: Sample, classifier: ActionClassifier) -> float:
    """100 times the cosine between a video's logits and its real clip's."""
    mine, real = (
        classifier.classify(frames).astype(np.float64)
        for frames in (video.frames, video.ground_truth.video_frames())
    )
    return float(100 * mine @ real / (np.linalg.norm(mine) * np.linalg.norm(real)))
