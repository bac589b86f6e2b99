"""Dync-D of MSRVTT-Personalization (Chen et al. 2025): VBench's dynamic degree (Huang 2024)."""

from dataclasses import dataclass

import numpy as np

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.models.raft import LEAST, STEP
from engines.evaluate.protocol import Sample, Score
from engines.evaluate.vision.images import edged
from engines.evaluate.vision.registry import Models

VERSION, LABEL = "1", "Dync-D"
MODELS = ("raft",)
RATE = 8  # frames a second that are looked at, about
FASTEST = 0.05  # the share of pixels that counts


@dataclass(frozen=True, slots=True)
class Plan:
    """Every `interval`-th frame is looked at, `kept` in all.

    A video moves if in `need` pairs of them the fastest pixels go further than `threshold` pixels.
    """

    interval: int
    kept: int
    threshold: float
    need: int


def plan(count: int, fps: float, height: int, width: int) -> Plan | None:
    """Of a video of `count` frames; None at 4 frames a second and fewer. Halves go to the even."""
    interval = round(fps / RATE)
    if interval < 1:
        return None
    kept = len(range(0, count, interval))
    return Plan(interval, kept, 6.0 * min(height, width) / 256, round(kept / 4))


class Metric:
    """1 for a video that moves and 0 for one that does not; and how fast it is.

    `dynamic_degree_flow` is the median over pairs of how far the fastest 5 % of pixels move on
    average, as a share of the shorter side.
    """

    better = {"dynamic_degree": "higher", "dynamic_degree_flow": "higher"}  # noqa: RUF012

    def __init__(self, spec: EvaluateSpec, models: Models) -> None:
        self.spec, self.models = spec, models

    def score(self, video: Sample) -> dict[str, Score]:
        """None of one frame, of few frames a second, and of sides too small for optical flow."""
        height, width = video.frames.shape[1:3]
        asked = plan(len(video.frames), video.fps, height, width)
        if reason := _unfit(video, asked):
            return dict.fromkeys(self.better, Score(None, reason))
        assert asked is not None
        kept = video.frames[:: asked.interval]
        if len(kept) < 2:
            said = f"one frame of {len(video.frames)} is kept at {video.fps:g} fps: none moves"
            return dict(zip(self.better, (Score(0.0, said), Score(None, said)), strict=True))
        fastest = self._fastest(kept)
        moving = int((fastest > asked.threshold).sum())
        said = f"{moving} of {len(fastest)} pairs move, {asked.need} must"
        degree = Score(1.0) if moving >= asked.need else Score(0.0, said)
        speed = Score(float(np.median(fastest)) / min(height, width))
        return dict(zip(self.better, (degree, speed), strict=True))

    def _fastest(self, frames: np.ndarray) -> np.ndarray:
        """(pairs,) the mean of the largest magnitudes, on the padded frame unless asked else."""
        padded, (rows, columns) = edged(frames, STEP)
        flow = self.models.get("raft").flow(padded[:-1], padded[1:])
        if self.spec.flow_region == "unpadded":
            flow = flow[:, rows, columns]
        speed = np.sqrt((flow.astype(np.float64) ** 2).sum(axis=3)).reshape(len(flow), -1)
        count = int(FASTEST * speed.shape[1])
        return np.partition(speed, -count, axis=1)[:, -count:].mean(axis=1)


def _unfit(video: Sample, asked: Plan | None) -> str | None:
    """Why a video cannot be measured."""
    if len(video.frames) < 2:
        return "one frame: nothing can move"
    if asked is None:
        return f"{video.fps:g} fps: the metric looks at {RATE} a second, and needs more than 4"
    height, width = (side + -side % STEP for side in video.frames.shape[1:3])
    if min(height, width) < LEAST:
        return f"{width} x {height} pixels, padded: optical flow needs sides of {LEAST}"
    return None
