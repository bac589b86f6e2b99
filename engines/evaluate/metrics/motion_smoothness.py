"""VBench's motion smoothness (Huang et al. 2024): odd frames against interpolated ones."""

import numpy as np

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.protocol import Sample, Score
from engines.evaluate.vision.registry import ModelRegistry

VERSION, LABEL = "1", "Motion smoothness"
MODELS = ("interpolator",)


class Metric:
    """1 - mean |interpolated - odd frame| / 255: one minus the interpolator's error.

    A frozen video scores 1, so read it together with the dynamic degree.
    """

    better = {"motion_smoothness": "higher"}  # noqa: RUF012

    def __init__(self, spec: EvaluateSpec, models: ModelRegistry) -> None:
        self.models = models

    def score(self, video: Sample) -> dict[str, Score]:
        """The smoothness, 0 to 1; None for fewer than three frames."""
        even, odd = video.frames[::2], video.frames[1:-1:2]
        if not len(odd):
            reason = f"no frame of {len(video.frames)} lies between two others"
            return {"motion_smoothness": Score(None, reason)}
        # Frame 2i+1 is predicted from frames 2i and 2i+2.
        predicted = self.models.get("interpolator").interpolate_pairs(
            even[: len(odd)], even[1 : len(odd) + 1]
        )
        error = np.abs(predicted.astype(np.float64) - odd).mean()
        return {"motion_smoothness": Score(float(1 - error / 255))}
