"""Dync-D of MSRVTT-Personalization (Chen et al. 2025): VBench's dynamic degree (Huang 2024)."""

from dataclasses import dataclass

import numpy as np

from data.specs.evaluate import EvaluateSpec
from engines.evaluate.models.raft import MIN_SIDE, STEP
from engines.evaluate.protocol import Sample, Score
from engines.evaluate.vision.images import pad_edges
from engines.evaluate.vision.registry import ModelRegistry

VERSION, LABEL = "1", "Dync-D"
MODELS = ("raft",)
RATE = 8  # frames per second that are sampled, approximately
FASTEST_SHARE = 0.05  # share of the pixels, the fastest, that counts


@dataclass(frozen=True, slots=True)
class PairPlan:
    """Which frames are compared: every `interval`-th, `sampled` in all.

    A video is dynamic if in `required` of their consecutive pairs the fastest pixels move by more
    than `threshold` pixels.
    """

    interval: int
    sampled: int
    threshold: float
    required: int


def plan_pairs(count: int, fps: float, height: int, width: int) -> PairPlan | None:
    """The plan for a video of `count` frames; None at 4 frames per second or fewer."""
    # `round` takes halves to the even number, as the published code does: 12 fps is interval 2.
    interval = round(fps / RATE)
    if interval < 1:
        return None
    sampled = len(range(0, count, interval))
    return PairPlan(interval, sampled, 6.0 * min(height, width) / 256, round(sampled / 4))


class Metric:
    """1 for a dynamic video and 0 for a static one, and its speed.

    `dynamic_degree_flow` is the speed: the median over frame pairs of the mean flow magnitude of
    the fastest 5 % of pixels, as a share of the shorter side.
    """

    better = {"dynamic_degree": "higher", "dynamic_degree_flow": "higher"}  # noqa: RUF012

    def __init__(self, spec: EvaluateSpec, models: ModelRegistry) -> None:
        self.spec, self.models = spec, models

    def score(self, video: Sample) -> dict[str, Score]:
        """Both scores; None for one frame, 4 fps or fewer, or sides too small for optical flow."""
        height, width = video.frames.shape[1:3]
        plan = plan_pairs(len(video.frames), video.fps, height, width)
        if reason := _find_obstacle(video, plan):
            return dict.fromkeys(self.better, Score(None, reason))
        assert plan is not None
        frames = video.frames[:: plan.interval]
        if len(frames) < 2:
            reason = f"one frame of {len(video.frames)} is sampled at {video.fps:g} fps: no motion"
            return dict(zip(self.better, (Score(0.0, reason), Score(None, reason)), strict=True))
        speeds = self._compute_speeds(frames)
        # `required` is 0 for two sampled frames: like VBench, such a video is always dynamic.
        moving = int((speeds > plan.threshold).sum())
        reason = f"{moving} of {len(speeds)} pairs move, {plan.required} required"
        degree = Score(1.0) if moving >= plan.required else Score(0.0, reason)
        speed = Score(float(np.median(speeds)) / min(height, width))
        return dict(zip(self.better, (degree, speed), strict=True))

    def _compute_speeds(self, frames: np.ndarray) -> np.ndarray:
        """(pairs,) the mean flow magnitude of the fastest pixels, in pixels."""
        padded, (rows, columns) = pad_edges(frames, STEP)
        # As published, the padding counts too, unless the spec asks for the frame alone.
        flow = self.models.get("raft").compute_flow(padded[:-1], padded[1:])
        if self.spec.flow_region == "unpadded":
            flow = flow[:, rows, columns]
        speed = np.sqrt((flow.astype(np.float64) ** 2).sum(axis=3)).reshape(len(flow), -1)
        count = int(FASTEST_SHARE * speed.shape[1])
        return np.partition(speed, -count, axis=1)[:, -count:].mean(axis=1)


def _find_obstacle(video: Sample, plan: PairPlan | None) -> str | None:
    """The reason why a video cannot be measured, if there is one."""
    if len(video.frames) < 2:
        return "one frame: motion needs two"
    if plan is None:
        return f"{video.fps:g} fps: the metric samples {RATE} fps and needs more than 4"
    height, width = (side + -side % STEP for side in video.frames.shape[1:3])
    if min(height, width) < MIN_SIDE:
        return f"padded to {width}x{height} pixels: optical flow needs sides of {MIN_SIDE} or more"
    return None
