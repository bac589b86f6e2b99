"""MotionRAG's DINO score (arXiv 2509.26391): appearance against the real clip's, frame by frame."""

import numpy as np

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.protocol import MissingReference, Sample, Score
from engines.evaluate.vision.registry import ModelRegistry

VERSION, LABEL = "1", "DINO"
MODELS = ("dinov2",)


class Metric:
    """100 times the mean over t of the cosine of DINOv2's class tokens (motionrag.md, 6.1).

    `dino_similarity` compares frame t with the real frame t, `dino_first` with the first frame,
    which needs no real clip.
    """

    better = {"dino_similarity": "higher", "dino_first": "higher"}  # noqa: RUF012

    def __init__(self, spec: EvaluateSpec, models: ModelRegistry) -> None:
        self.models = models

    def score(self, video: Sample) -> dict[str, Score]:
        """Both means; None where there is no real clip, or no second frame."""
        mine = _to_unit(self.models.get("dinov2").embed(video.frames))
        first = Score(None, "one frame: no other to compare with")
        if len(mine) > 1:
            first = Score(float(100 * (mine[1:] @ mine[0]).mean()))
        try:
            real = _to_unit(self.models.get("dinov2").embed(video.ground_truth.video_frames()))
            score = Score(float(100 * (mine * real).sum(axis=1).mean()))
        except MissingReference as missing:
            score = Score(None, str(missing))
        return {"dino_similarity": score, "dino_first": first}


def _to_unit(vectors: np.ndarray) -> np.ndarray:
    wide = vectors.astype(np.float64)
    unit: np.ndarray = wide / np.linalg.norm(wide, axis=1, keepdims=True)
    return unit
