"""MotionRAG's Motion distance (arXiv 2509.26391): does as much move as in the real clip?"""

import numpy as np

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.models.raft import STEP
from engines.evaluate.protocol import MissingReference, Sample, Score
from engines.evaluate.vision.images import resize_bilinear
from engines.evaluate.vision.registry import ModelRegistry

VERSION, LABEL = "1", "Motion distance"
MODELS = ("raft_large",)
SIDE, BINS, RANGE, FLOOR = 256, 256, (-7.0, 5.0), 0.1


class Metric:
    """The mean over frame pairs of KL(real || video) of histograms of log2 speed (6.1)."""

    better = {"motion_distance": "lower"}  # noqa: RUF012

    def __init__(self, spec: EvaluateSpec, models: ModelRegistry) -> None:
        self.models = models

    def score(self, video: Sample) -> dict[str, Score]:
        """The distance; None for a single frame, or without a real clip."""
        if len(video.frames) < 2:
            return {"motion_distance": Score(None, "one frame: motion needs two")}
        try:
            real = self._compute_speeds(video.ground_truth.video_frames())
        except MissingReference as missing:
            return {"motion_distance": Score(None, str(missing))}
        mine = self._compute_speeds(video.frames)
        distances = [compare_speeds(a, b) for a, b in zip(real, mine, strict=True)]
        return {"motion_distance": Score(float(np.mean(distances)))}

    def _compute_speeds(self, frames: np.ndarray) -> np.ndarray:
        """(pairs, pixels) float64 speeds in pixels a frame, at a shorter side of 256."""
        height, width = frames.shape[1:3]
        ratio = SIDE / min(height, width)
        size = round(height * ratio), round(width * ratio)
        resized = np.stack([resize_bilinear(frame, *size) for frame in frames])
        missing = [(0, -side % STEP) for side in size]
        # Right and below only, by reflection, as published; VBench's RAFT pads on both sides.
        padded = np.pad(resized, [(0, 0), *missing, (0, 0)], mode="reflect")
        flow = self.models.get("raft_large").compute_flow(padded[:-1], padded[1:])
        speeds: np.ndarray = np.sqrt((flow.astype(np.float64) ** 2).sum(axis=3))
        return speeds.reshape(len(flow), -1)


def compare_speeds(real: np.ndarray, mine: np.ndarray) -> float:
    """KL(real || mine) of histograms of log2 of speeds, 0.1 added to each bin."""
    p, q = (_count(speeds) for speeds in (real, mine))
    return float((p * np.log(p / q)).sum())


def _count(speeds: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):  # what stands still is out of range, and dropped
        counts = np.histogram(np.log2(speeds), BINS, RANGE)[0] + FLOOR
    shares: np.ndarray = counts / counts.sum()
    return shares
