"""Vid-S of MSRVTT-Personalization (Chen et al. 2025): CLIP similarity to the real clip."""

import numpy as np

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.models.clip import embed_frames
from engines.evaluate.protocol import MissingReference, Sample, Score
from engines.evaluate.vision.cosine import compute_cosines
from engines.evaluate.vision.registry import ModelRegistry

VERSION, LABEL = "1", "Vid-S"
MODELS = ("clip",)


class Metric:
    """The mean cosine of CLIP vectors over all pairs of a video frame and a real frame."""

    better = {"video_clip_similarity": "higher"}  # noqa: RUF012

    def __init__(self, spec: EvaluateSpec, models: ModelRegistry) -> None:
        self.models = models

    def score(self, video: Sample) -> dict[str, Score]:
        """The mean cosine; None if the real clip's vectors are missing."""
        try:
            references = video.ground_truth.video_vectors()
            cosines = compute_cosines(embed_frames(video, self.models), references)
        except MissingReference as missing:
            return {"video_clip_similarity": Score(None, str(missing))}
        # Every frame against every other: frames of the two videos do not match in time.
        return {"video_clip_similarity": Score(float(cosines.mean(dtype=np.float64)))}
