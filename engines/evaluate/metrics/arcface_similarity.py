"""Face-S of MSRVTT-Personalization (Chen et al. 2025): is the face in a video the one asked for."""

import numpy as np

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.models.face_detector import Box
from engines.evaluate.protocol import Missing, Sample, Score
from engines.evaluate.vision.cosine import cosines
from engines.evaluate.vision.registry import Models

VERSION, LABEL = "1", "Face-S"
MODELS = ("face_detector", "arcface")
UP, DOWN = 0.17, 0.03  # by how much of its height a face is extended


class Metric:
    """The mean over frames and known faces of the cosine of ArcFace's vectors; 0 without a face."""

    better = {"arcface_similarity": "higher"}  # noqa: RUF012

    def __init__(self, spec: EvaluateSpec, models: Models) -> None:
        self.models = models

    def score(self, video: Sample) -> dict[str, Score]:
        """One mean, with the number of frames without a face; None where no face is known."""
        try:
            return {"arcface_similarity": self._score(video, video.truth.faces())}
        except Missing as missing:
            return {"arcface_similarity": Score(None, str(missing))}

    def _score(self, video: Sample, known: np.ndarray) -> Score:
        count = len(video.frames)
        found = self.models.get("face_detector").detect(video.frames)
        seen = [(f, extended(b, len(f))) for f, b in zip(video.frames, found, strict=True) if b]
        crops = [frame[box.y0 : box.y1, box.x0 : box.x1] for frame, box in seen]
        crops = [crop for crop in crops if crop.size]
        said = None if len(crops) == count else f"no face in {count - len(crops)} of {count} frames"
        alike = cosines(self.models.get("arcface").embed(crops), known)
        return Score(float(alike.sum(dtype=np.float64)) / (count * len(known)), said)


def extended(box: Box, height: int) -> Box:
    """The box with forehead and chin, in a frame of that height; the second step sees the first."""
    top = max(int(box.y0 - UP * (box.y1 - box.y0)), 0)
    return Box(box.x0, top, box.x1, min(int(box.y1 + DOWN * (box.y1 - top)), height - 1))
