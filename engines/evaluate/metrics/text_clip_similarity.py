"""Text-S of MSRVTT-Personalization (Chen et al. 2025): CLIP similarity of frames and prompt."""

import numpy as np

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.models.clip import embed_frames
from engines.evaluate.protocol import MissingReference, Sample, Score
from engines.evaluate.vision.cosine import compute_cosines
from engines.evaluate.vision.registry import ModelRegistry

VERSION, LABEL = "1", "Text-S"
MODELS = ("clip",)


class Metric:
    """The mean over frames of cos(CLIP image vector, CLIP text vector of the prompt)."""

    better = {"text_clip_similarity": "higher"}  # noqa: RUF012

    def __init__(self, spec: EvaluateSpec, models: ModelRegistry) -> None:
        self.models = models

    def score(self, video: Sample) -> dict[str, Score]:
        """The mean cosine; None if the prompt's vector is missing."""
        try:
            # The reference first: without it, frames need not be embedded.
            text = video.ground_truth.text_vector()
            cosines = compute_cosines(embed_frames(video, self.models), np.atleast_2d(text))
        except MissingReference as missing:
            return {"text_clip_similarity": Score(None, str(missing))}
        return {"text_clip_similarity": Score(float(cosines.mean(dtype=np.float64)))}
