"""How near every other frame is to the average of its neighbours: a measure without a model.

What VBench's motion smoothness (Huang et al. 2024) gives with the average as its interpolator.
Figures are not comparable with those of a network.
"""

import numpy as np

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.protocol import Sample, Score
from engines.evaluate.vision.registry import Models

VERSION, LABEL = "1", "Smoothness by the average"
MODELS = ()


class Metric:
    """One less the mean error of the odd frames, of bytes over 255; exact."""

    better = {"motion_smoothness_average": "higher"}  # noqa: RUF012

    def __init__(self, spec: EvaluateSpec, models: Models) -> None:
        pass

    def score(self, video: Sample) -> dict[str, Score]:
        """A share; None of fewer than three frames."""
        frames = video.frames
        odd = range(1, len(frames) - 1, 2)
        if not odd:
            said = f"no frame of {len(frames)} lies between two others"
            return {"motion_smoothness_average": Score(None, said)}
        twice = sum(_error(frames[n - 1], frames[n], frames[n + 1]) for n in odd)
        mean = twice / (2 * len(odd) * frames[0].size)
        return {"motion_smoothness_average": Score(1 - mean / 255)}


def _error(before: np.ndarray, frame: np.ndarray, after: np.ndarray) -> int:
    """Twice the sum of a frame's differences from the average, which is thus whole."""
    wide = before.astype(np.int16) + after - 2 * frame.astype(np.int16)
    return int(np.abs(wide).sum(dtype=np.int64))
