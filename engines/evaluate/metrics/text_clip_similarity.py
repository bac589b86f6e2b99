"""Text-S of MSRVTT-Personalization (Chen et al. 2025): do the frames show what the prompt says."""

import numpy as np

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.models.clip import frames
from engines.evaluate.protocol import Missing, Sample, Score
from engines.evaluate.vision.cosine import cosines
from engines.evaluate.vision.registry import Models

VERSION, LABEL = "1", "Text-S"
MODELS = ("clip",)


class Metric:
    """The mean over frames of the cosine of CLIP's vectors of the frame and of the prompt."""

    better = {"text_clip_similarity": "higher"}  # noqa: RUF012

    def __init__(self, spec: EvaluateSpec, models: Models) -> None:
        self.models = models

    def score(self, video: Sample) -> dict[str, Score]:
        """One cosine; None where the prompt's vector is missing."""
        try:
            said = video.truth.text()
            found = cosines(frames(video, self.models), np.atleast_2d(said))
        except Missing as missing:
            return {"text_clip_similarity": Score(None, str(missing))}
        return {"text_clip_similarity": Score(float(found.mean(dtype=np.float64)))}
