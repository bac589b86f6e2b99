"""T-Cons of MSRVTT-Personalization (2024), VBench's temporal flickering (Huang et al. 2024)."""

from itertools import pairwise

import numpy as np

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.protocol import Sample, Score
from engines.evaluate.vision.registry import Models

VERSION, LABEL = "1", "T-Cons"
MODELS = ()


class Metric:
    """One less the mean difference of a frame and the next, of bytes over 255; 1 if all is still.

    All pairs, pixels and channels weigh the same. Differences are summed as whole numbers: exact.
    """

    better = {"temporal_consistency": "higher"}  # noqa: RUF012

    def __init__(self, spec: EvaluateSpec, models: Models) -> None:
        pass

    def score(self, video: Sample) -> dict[str, Score]:
        """A share; None of a single frame."""
        frames = video.frames
        if len(frames) < 2:
            return {"temporal_consistency": Score(None, "one frame: there is no other to compare")}
        total = sum(
            int(np.abs(later.astype(np.int16) - earlier).sum(dtype=np.int64))
            for earlier, later in pairwise(frames)
        )
        return {"temporal_consistency": Score(1 - total / (255 * frames[1:].size))}
