"""Face-S of MSRVTT-Personalization (Chen et al. 2025): similarity to the reference face."""

import numpy as np

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.models.face_detector import Box
from engines.evaluate.protocol import MissingReference, Sample, Score
from engines.evaluate.vision.cosine import compute_cosines
from engines.evaluate.vision.registry import ModelRegistry

VERSION, LABEL = "1", "Face-S"
MODELS = ("face_detector", "arcface")
FOREHEAD, CHIN = 0.17, 0.03  # share of its height by which a face box is extended


class Metric:
    """Mean ArcFace cosine over frames and reference faces; a frame without a face counts 0.

    With m of T frames that show a face a_t, and n references f_k: Σ_t Σ_k cos(a_t, f_k) / (T n).
    """

    better = {"arcface_similarity": "higher"}  # noqa: RUF012

    def __init__(self, spec: EvaluateSpec, models: ModelRegistry) -> None:
        self.models = models

    def score(self, video: Sample) -> dict[str, Score]:
        """One mean, with the number of frames without a face; None without reference faces."""
        try:
            references = video.ground_truth.face_vectors()
            return {"arcface_similarity": self._score_faces(video, references)}
        except MissingReference as missing:
            return {"arcface_similarity": Score(None, str(missing))}

    def _score_faces(self, video: Sample, references: np.ndarray) -> Score:
        count = len(video.frames)
        boxes = self.models.get("face_detector").detect(video.frames)
        faces = [(f, extend_box(b, len(f))) for f, b in zip(video.frames, boxes, strict=True) if b]
        crops = [frame[box.y0 : box.y1, box.x0 : box.x1] for frame, box in faces]
        crops = [crop for crop in crops if crop.size]
        missing = count - len(crops)
        reason = f"no face in {missing} of {count} frames" if missing else None
        cosines = compute_cosines(self.models.get("arcface").embed(crops), references)
        # Divided by all frames, as published: a video must not gain by hiding the face.
        return Score(float(cosines.sum(dtype=np.float64)) / (count * len(references)), reason)


def extend_box(box: Box, height: int) -> Box:
    """The box extended by forehead and chin, within a frame of that height."""
    top = max(int(box.y0 - FOREHEAD * (box.y1 - box.y0)), 0)
    # As published, the chin is a share of the height that already includes the forehead.
    return Box(box.x0, top, box.x1, min(int(box.y1 + CHIN * (box.y1 - top)), height - 1))
