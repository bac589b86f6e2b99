"""T-Cons of MSRVTT-Personalization (2024), VBench's temporal flickering (Huang et al. 2024)."""

from itertools import pairwise

import numpy as np

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.protocol import Sample, Score
from engines.evaluate.vision.registry import ModelRegistry

VERSION, LABEL = "1", "T-Cons"
MODELS = ()


class Metric:
    """1 - mean |x_{t+1} - x_t| / 255 over all frame pairs, pixels and channels; 1 if frozen."""

    better = {"temporal_consistency": "higher"}  # noqa: RUF012

    def __init__(self, spec: EvaluateSpec, models: ModelRegistry) -> None:
        pass

    def score(self, video: Sample) -> dict[str, Score]:
        """The consistency, 0 to 1; None for a single frame."""
        frames = video.frames
        if len(frames) < 2:
            return {"temporal_consistency": Score(None, "one frame: no other to compare with")}
        # Pair by pair in integers: exact, and no second copy of the video in memory.
        total = sum(
            int(np.abs(later.astype(np.int16) - earlier).sum(dtype=np.int64))
            for earlier, later in pairwise(frames)
        )
        return {"temporal_consistency": Score(1 - total / (255 * frames[1:].size))}
