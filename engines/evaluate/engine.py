"""The evaluate stage's engine: each video is decoded once, and every metric is asked about it."""

import logging
import math
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from data.outcome import Done, Failed, Outcome
from data.records import Video
from data.runs.evaluations import Target
from data.specs.evaluate import EvaluateSpec
from engines.base import Needs, plugin
from engines.embed.batching import OUT_OF_MEMORY
from engines.evaluate.benchmarks.msrvtt_personalization.ground_truth import truth_of
from engines.evaluate.protocol import Metric, Missing, Sample, Score
from engines.evaluate.vision.device import device
from engines.evaluate.vision.registry import Models, absent
from engines.video.frames import Sampling
from engines.video.guard.guard import DecodeStats, Guard

MOST_BYTES = 2 << 30  # of frames a video: 345 of 1920x1080, 7281 of 426x240
FEWER = "ask for fewer --num-frames"
AHEAD = 32  # frames that a decoder may be ahead: 200 MB of 1920x1080

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EvaluateWork:
    """How an evaluating worker is set up: speed only."""

    decoders: int = 1
    decode_deadline_s: float = 60.0
    decoder_memory_gb: float = 4.0
    needs: Needs = field(default_factory=Needs)


@dataclass(frozen=True, slots=True)
class Measured:
    """What was found of a video: its frames, their rate and size in pixels, its scores by name."""

    frames: int
    fps: float
    width: int
    height: int
    scores: dict[str, Score]


def lacking(spec: EvaluateSpec) -> dict[str, str]:
    """By metric that cannot be measured, why: the weights that it lacks, and what fetches them."""
    said = {
        name: [absent(spec, model) for model in plugin("evaluate.metrics", name).MODELS]
        for name in spec.metrics
    }
    return {name: "; ".join(filter(None, each)) for name, each in said.items() if any(each)}


class Evaluator:
    """Scores of videos by those of the spec's metrics whose models are there.

    A video is measured alone and by one thread of the CPU, so that its scores are the same to the
    last bit beside whichever others. While one is measured, the next is decoded.
    """

    def __init__(self, spec: EvaluateSpec, work: EvaluateWork) -> None:
        self.spec, self.work, self.needs = spec, work, work.needs
        self._lane = threading.Lock()

    def load(self) -> None:
        """Loads the models of all metrics, each once."""
        work, without = self.work, lacking(self.spec)
        names = [name for name in self.spec.metrics if name not in without]
        modules = {name: plugin("evaluate.metrics", name) for name in names}
        self.models = Models(self.spec)
        if wanted := [model for module in modules.values() for model in module.MODELS]:
            _one_thread()
            for model in wanted:
                self.models.get(model)
        self.metrics: dict[str, Metric] = {
            name: module.Metric(self.spec, self.models) for name, module in modules.items()
        }
        self.guard = Guard(work.decoders, work.decode_deadline_s, work.decoder_memory_gb, AHEAD)
        log.info("%s on %s", ", ".join(names), device() if wanted else "cpu")

    def run(self, batch: Sequence[Target]) -> Iterator[Outcome[Measured]]:
        """One outcome a video, in order."""
        asked = {target.id: target for target in batch}
        videos = [Video(target.id, target.uri, target.content) for target in batch]
        parts: list[np.ndarray] = []
        for event in self.guard.decode(videos, self._sampling, None):
            if isinstance(event, Done):
                yield self._measured(asked[event.id], parts, event.value)
            elif isinstance(event, Failed):
                yield _told(event)
            else:
                parts.append(event[1].pixels)
                continue
            parts = []

    def close(self) -> None:
        self.guard.close()

    @property
    def _sampling(self) -> Sampling:
        return Sampling(every_nth=1, first=self.spec.num_frames, max_bytes=MOST_BYTES)

    def _measured(
        self, target: Target, parts: list[np.ndarray], stats: DecodeStats
    ) -> Outcome[Measured]:
        wanted = self.spec.num_frames
        if wanted is not None and stats.frames < wanted:
            has = stats.frames
            detail = f"has {has} of the {wanted} frames asked for: --num-frames {has} or all"
            return Failed(target.id, "rejected", detail)
        height, width = parts[0].shape[2:]
        try:
            truth = truth_of(target.truth, target.asked.get("prompt"), self.models)
            sample = Sample(_joined(parts), stats.fps or 0.0, target.asked, truth)
            with self._lane:
                scores = {k: s for n in self.metrics for k, s in self._scored(n, sample).items()}
        except Exception as error:
            if type(error).__name__ not in OUT_OF_MEMORY:
                raise
            detail = f"no memory for {stats.frames} frames of {width}x{height}: {FEWER}"
            return Failed(target.id, "too_long", detail)
        return Done(target.id, Measured(stats.frames, sample.fps, width, height, scores))

    def _scored(self, name: str, sample: Sample) -> dict[str, Score]:
        metric = self.metrics[name]
        try:
            found = metric.score(sample)
        except Missing as lack:
            return {each: Score(None, str(lack)) for each in metric.better}
        return {each: _number(score) for each, score in found.items()}


def _one_thread() -> None:
    """Sums of a CPU depend on how many threads share them."""
    import torch

    torch.set_num_threads(1)


def _number(score: Score) -> Score:
    """The score, without value where it is no number."""
    parts = {name: _number(part) for name, part in score.parts.items()}
    if score.value is None or math.isfinite(score.value):
        return Score(score.value, score.reason, parts)
    return Score(None, "not a number", parts)


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    """(n, height, width, 3) bytes of runs of (n, 3, height, width), which are let go on the way."""
    height, width = parts[0].shape[2:]
    end = sum(map(len, parts))
    frames = np.empty((end, height, width, 3), np.uint8)
    while parts:
        part = parts.pop()
        frames[end - len(part) : end] = part.transpose(0, 2, 3, 1)
        end -= len(part)
    return frames


def _told(failed: Failed) -> Failed:
    """What is too long says what to do."""
    if failed.reason != "too_long":
        return failed
    return Failed(failed.id, failed.reason, f"{failed.detail}: {FEWER}")
