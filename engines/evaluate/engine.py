"""The evaluate stage's engine: decodes each video once and scores it by every metric."""

import logging
import math
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from data.outcome import Done, Failed, Outcome
from data.records import Video
from data.runs.evaluations import Target
from data.specs.evaluate import EvaluateSpec
from engines.base import load_plugin
from engines.device import limit_threads, pick_device
from engines.evaluate.benchmarks.msrvtt_personalization.ground_truth import open_ground_truth
from engines.evaluate.protocol import Metric, MissingReference, Sample, Score
from engines.evaluate.real_video import RealVideo, build_format
from engines.evaluate.vision.registry import ModelRegistry, explain_missing_weights
from engines.memory import is_out_of_memory
from engines.video.frames import Sampling
from engines.video.guard.guard import DecodeStats, Guard
from engines.worker import WorkerSetup

MAX_BYTES = 2 << 30  # frames of one video in memory: 345 of 1920x1080, 7281 of 426x240
FEWER_FRAMES_HINT = "use fewer --num-frames"
AHEAD = 32  # frames that a decoder may buffer ahead: 200 MB of 1920x1080

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class VideoScores:
    """A scored video: number of frames, frame rate, size in pixels, and scores by name."""

    frames: int
    fps: float
    width: int
    height: int
    scores: dict[str, Score]


def find_missing_weights(spec: EvaluateSpec) -> dict[str, str]:
    """The metrics that cannot run: their missing weights and the commands that fetch them."""
    reasons = {
        name: [
            explain_missing_weights(spec, model)
            for model in load_plugin("evaluate.metrics", name).MODELS
        ]
        for name in spec.metrics
    }
    return {name: "; ".join(filter(None, each)) for name, each in reasons.items() if any(each)}


class Evaluator:
    """Scores videos by those of the spec's metrics whose model weights are available.

    Each video is scored alone, on one CPU thread, so its scores are bit-identical whatever else
    is in the batch. The next video is decoded while one is scored.
    """

    def __init__(self, spec: EvaluateSpec, setup: WorkerSetup) -> None:
        self.spec, self.setup, self.needs = spec, setup, setup.needs
        self._lock = threading.Lock()

    def load(self) -> None:
        """Loads the models of all metrics, each once."""
        missing = find_missing_weights(self.spec)
        names = [name for name in self.spec.metrics if name not in missing]
        modules = {name: load_plugin("evaluate.metrics", name) for name in names}
        self.models = ModelRegistry(self.spec)
        if needed := [model for module in modules.values() for model in module.MODELS]:
            limit_threads()
            # Here, not at first use: broken weights must fail before any video is decoded.
            for model in needed:
                self.models.get(model)
        self.metrics: dict[str, Metric] = {
            name: module.Metric(self.spec, self.models) for name, module in modules.items()
        }
        self.guard = Guard.for_worker(self.setup, AHEAD)
        # Its processes start with the first real video: the other guard's are decoding ahead.
        self.references = Guard.for_worker(self.setup, AHEAD)
        log.info("%s on %s", ", ".join(names), pick_device() if needed else "cpu")

    def run(self, batch: Sequence[Target]) -> Iterator[Outcome[VideoScores]]:
        """Yields one outcome per video, in the order of the batch."""
        targets = {target.id: target for target in batch}
        videos = [Video(target.id, target.uri, target.content) for target in batch]
        parts: list[np.ndarray] = []
        for event in self.guard.decode(videos, self._sampling, None):
            if isinstance(event, Done):
                yield self._measure_video(targets[event.id], parts, event.value)
            elif isinstance(event, Failed):
                yield _add_hint(event)
            else:
                parts.append(event[1].pixels)
                continue
            # A new list, not `clear`: frames of one video must not reach the next.
            parts = []

    def close(self) -> None:
        self.guard.close()
        self.references.close()

    @property
    def _sampling(self) -> Sampling:
        return Sampling(every_nth=1, first=self.spec.num_frames, max_bytes=MAX_BYTES)

    def _measure_video(
        self, target: Target, parts: list[np.ndarray], stats: DecodeStats
    ) -> Outcome[VideoScores]:
        count = self.spec.num_frames
        # Scoring fewer frames than requested would make the video incomparable with the others.
        if count is not None and stats.frames < count:
            has = stats.frames
            detail = f"has {has} of the {count} requested frames: use --num-frames {has} or all"
            return Failed(target.id, "rejected", detail)
        height, width = parts[0].shape[2:]
        try:
            prompt, policy = target.asked.get("prompt"), self.setup.url_policy
            frames, fps = _join_frames(parts), stats.fps or 0.0
            truth = open_ground_truth(target.truth, prompt, self.models, policy)
            if target.truth.kind == "video":
                form = build_format(frames, fps or 8.0)
                given = target.truth.path, prompt, self.models, self.references, form
                truth = RealVideo(*given)
            sample = Sample(frames, fps, target.asked, truth)
            with self._lock:  # two batches may run at once, a model serves only one
                scores = {
                    k: s for n in self.metrics for k, s in self._run_metric(n, sample).items()
                }
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            # Of its own reason: on a GPU that others use, the next run may have more of it.
            size = f"{stats.frames} frames of {width}x{height}"
            detail = f"no memory left for {size}; if it recurs, {FEWER_FRAMES_HINT}"
            return Failed(target.id, "out_of_memory", detail)
        return Done(target.id, VideoScores(stats.frames, sample.fps, width, height, scores))

    def _run_metric(self, name: str, sample: Sample) -> dict[str, Score]:
        metric = self.metrics[name]
        try:
            scores = metric.score(sample)
        except MissingReference as missing:
            return {each: Score(None, str(missing)) for each in metric.better}
        return {each: _drop_non_finite(score) for each, score in scores.items()}


def _drop_non_finite(score: Score) -> Score:
    """The score, its value replaced by None where it is NaN or infinite."""
    parts = {name: _drop_non_finite(part) for name, part in score.parts.items()}
    if score.value is None or math.isfinite(score.value):
        return Score(score.value, score.reason, parts)
    return Score(None, "not a number", parts)


def _join_frames(parts: list[np.ndarray]) -> np.ndarray:
    """Joins (n, 3, height, width) chunks into (n, height, width, 3) bytes, emptying `parts`."""
    height, width = parts[0].shape[2:]
    end = sum(map(len, parts))
    frames = np.empty((end, height, width, 3), np.uint8)
    # From the back, freeing each chunk once it is copied: never two copies of a 2 GB video.
    while parts:
        part = parts.pop()
        frames[end - len(part) : end] = part.transpose(0, 2, 3, 1)
        end -= len(part)
    return frames


def _add_hint(failed: Failed) -> Failed:
    """Appends the advice on `--num-frames` to a `too_long` failure."""
    if failed.reason != "too_long":
        return failed
    return Failed(failed.id, failed.reason, f"{failed.detail}: {FEWER_FRAMES_HINT}")
