"""Vid-S of MSRVTT-Personalization (Chen et al. 2025): does a video look as the real clip does."""

import numpy as np

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.models.clip import frames
from engines.evaluate.protocol import Missing, Sample, Score
from engines.evaluate.vision.cosine import cosines
from engines.evaluate.vision.registry import Models

VERSION, LABEL = "1", "Vid-S"
MODELS = ("clip",)


class Metric:
    """The mean cosine of CLIP's vectors of every frame and every frame of the real clip."""

    better = {"video_clip_similarity": "higher"}  # noqa: RUF012

    def __init__(self, spec: EvaluateSpec, models: Models) -> None:
        self.models = models

    def score(self, video: Sample) -> dict[str, Score]:
        """One cosine; None where the real clip's vectors are missing."""
        try:
            known = video.truth.video()
            found = cosines(frames(video, self.models), known)
        except Missing as missing:
            return {"video_clip_similarity": Score(None, str(missing))}
        return {"video_clip_similarity": Score(float(found.mean(dtype=np.float64)))}
