"""Motion smoothness without a model: odd frames against the average of their neighbours.

This is VBench's motion smoothness (Huang et al. 2024) with the average as interpolator. Its values
are not comparable with those of an interpolation network.
"""

import numpy as np

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.protocol import Sample, Score
from engines.evaluate.vision.registry import ModelRegistry

VERSION, LABEL = "1", "Smoothness by the average"
MODELS = ()


class Metric:
    """1 - mean |average of the neighbours - odd frame| / 255, computed exactly in integers."""

    better = {"motion_smoothness_average": "higher"}  # noqa: RUF012

    def __init__(self, spec: EvaluateSpec, models: ModelRegistry) -> None:
        pass

    def score(self, video: Sample) -> dict[str, Score]:
        """The smoothness, 0 to 1; None for fewer than three frames."""
        frames = video.frames
        odd = range(1, len(frames) - 1, 2)
        if not odd:
            reason = f"no frame of {len(frames)} lies between two others"
            return {"motion_smoothness_average": Score(None, reason)}
        twice = sum(_sum_error(frames[n - 1], frames[n], frames[n + 1]) for n in odd)
        mean = twice / (2 * len(odd) * frames[0].size)
        return {"motion_smoothness_average": Score(1 - mean / 255)}


def _sum_error(before: np.ndarray, frame: np.ndarray, after: np.ndarray) -> int:
    """Twice the sum of a frame's absolute differences from its neighbours' average."""
    # Twice, so that halves stay integers: the sum is exact in any order.
    difference = before.astype(np.int16) + after - 2 * frame.astype(np.int16)
    return int(np.abs(difference).sum(dtype=np.int64))
