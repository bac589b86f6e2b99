"""VBench's motion smoothness (Huang et al. 2024): is every other frame where its neighbours say."""

import numpy as np

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.protocol import Sample, Score
from engines.evaluate.vision.registry import Models

VERSION, LABEL = "1", "Motion smoothness"
MODELS = ("interpolator",)


class Metric:
    """One less the mean error of the odd frames as an interpolator gives them, of bytes over 255.

    A frozen video scores 1: to be read beside the dynamic degree.
    """

    better = {"motion_smoothness": "higher"}  # noqa: RUF012

    def __init__(self, spec: EvaluateSpec, models: Models) -> None:
        self.models = models

    def score(self, video: Sample) -> dict[str, Score]:
        """A share; None of fewer than three frames."""
        even, odd = video.frames[::2], video.frames[1:-1:2]
        if not len(odd):
            said = f"no frame of {len(video.frames)} lies between two others"
            return {"motion_smoothness": Score(None, said)}
        found = self.models.get("interpolator").middle(even[: len(odd)], even[1 : len(odd) + 1])
        error = np.abs(found.astype(np.float64) - odd).mean()
        return {"motion_smoothness": Score(float(1 - error / 255))}
