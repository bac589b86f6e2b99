"""MotionRAG's CLIP-V2V (arXiv 2509.26391): frames against the real clip's, at the same time."""

import numpy as np

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.models.clip_bigg import embed_frames
from engines.evaluate.protocol import MissingReference, Sample, Score
from engines.evaluate.vision.registry import ModelRegistry

VERSION, LABEL = "1", "CLIP-V2V"
MODELS = ("clip_bigg",)


class Metric:
    """100 times the mean over t of cos(frame t, real frame t), by OpenCLIP (motionrag.md, 6.1)."""

    better = {"clip_v2v": "higher"}  # noqa: RUF012

    def __init__(self, spec: EvaluateSpec, models: ModelRegistry) -> None:
        self.models = models

    def score(self, video: Sample) -> dict[str, Score]:
        """The mean; None without a real clip."""
        try:
            frames = video.ground_truth.video_frames()
        except MissingReference as missing:
            return {"clip_v2v": Score(None, str(missing))}
        real = self.models.get("clip_bigg").embed_images(frames)
        cosines = (embed_frames(video, self.models).astype(np.float64) * real).sum(axis=1)
        return {"clip_v2v": Score(float(100 * cosines.mean()))}
