"""MotionRAG's CLIP-T2V (arXiv 2509.26391): frames against the prompt."""

import numpy as np

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.models.clip_bigg import embed_frames
from engines.evaluate.protocol import Sample, Score
from engines.evaluate.vision.registry import ModelRegistry

VERSION, LABEL = "1", "CLIP-T2V"
MODELS = ("clip_bigg",)


class Metric:
    """100 times the mean over t of cos(frame t, prompt), by OpenCLIP (motionrag.md, 6.1)."""

    better = {"clip_t2v": "higher"}  # noqa: RUF012

    def __init__(self, spec: EvaluateSpec, models: ModelRegistry) -> None:
        self.models = models

    def score(self, video: Sample) -> dict[str, Score]:
        """The mean; None without a prompt."""
        if not (prompt := video.prompt_row.get("prompt")):
            return {"clip_t2v": Score(None, "no prompt")}
        text = self.models.get("clip_bigg").embed_text(prompt).astype(np.float64)
        return {"clip_t2v": Score(float(100 * (embed_frames(video, self.models) @ text).mean()))}
