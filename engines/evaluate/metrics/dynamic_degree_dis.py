"""VBench's dynamic degree (Huang 2024) with OpenCV's DIS optical flow, which needs no weights.

Its values are not comparable with those by RAFT, whose threshold it has.
"""

from itertools import pairwise

import numpy as np

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.metrics.dynamic_degree import FASTEST_SHARE
from engines.evaluate.protocol import Sample, Score
from engines.evaluate.vision.registry import ModelRegistry

VERSION, LABEL = "1", "Dynamic degree by DIS"
MODELS = ()
SHORT_SIDE = 64  # of the pictures that flow is computed on, at least: DIS works on patches
SHARE = 6.0 / 256  # of the shorter side, which the fastest pixels of a moving pair exceed


class Metric:
    """1 for a dynamic video and 0 for a static one, and its speed.

    A video is dynamic if a quarter of its pairs of consecutive frames move, and one at least.
    `dynamic_degree_dis_flow` is the median over pairs of the mean flow of the fastest 5 % of
    pixels, as a share of the shorter side.
    """

    better = {  # noqa: RUF012
        "dynamic_degree_dis": "higher", "dynamic_degree_dis_flow": "higher",
    }  # fmt: skip

    def __init__(self, spec: EvaluateSpec, models: ModelRegistry) -> None:
        pass

    def score(self, video: Sample) -> dict[str, Score]:
        """Both scores; None for a single frame."""
        if len(video.frames) < 2:
            reason = "one frame: motion needs two"
            return dict.fromkeys(self.better, Score(None, reason))
        speeds = compute_speeds(video.frames)
        moving = int((speeds > SHARE).sum())
        required = max(1, round(len(video.frames) / 4))
        reason = f"{moving} of {len(speeds)} pairs move, {required} required"
        degree = Score(1.0) if moving >= required else Score(0.0, reason)
        speed = Score(float(np.median(speeds)))
        return dict(zip(self.better, (degree, speed), strict=True))


def compute_speeds(frames: np.ndarray) -> np.ndarray:
    """(pairs,) the mean flow of the fastest pixels, as a share of the shorter side."""
    import cv2

    height, width = frames.shape[1:3]
    scale = max(1.0, SHORT_SIDE / min(height, width))
    size = round(width * scale), round(height * scale)
    flow_of = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grey = [cv2.resize(cv2.cvtColor(f, cv2.COLOR_RGB2GRAY), size) for f in frames]
    speeds = []
    for earlier, later in pairwise(grey):
        flow = flow_of.calc(earlier, later, None)  # type: ignore[call-overload]
        speed = np.sqrt((flow.astype(np.float64) ** 2).sum(axis=2)).ravel()
        count = max(1, int(FASTEST_SHARE * speed.size))
        speeds.append(np.partition(speed, -count)[-count:].mean() / min(size))
    return np.array(speeds)
