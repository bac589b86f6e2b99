"""What evaluating a video costs: by metric, frames batched or not, decoded often or once."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from bench.figures import Figure
from bench.job import Job
from support import golden

from data.runs.evaluations import Target
from data.specs.evaluate import EvaluateSpec
from engines.base import load_plugin
from engines.evaluate.engine import Evaluator
from engines.evaluate.protocol import NoReference, Sample
from engines.evaluate.vision.registry import ModelRegistry
from engines.video.decoders import pyav
from engines.video.frames import Sampling
from engines.worker import WorkerSetup

if TYPE_CHECKING:
    from engines.evaluate.protocol import Metric

SIDE, TAG = 256, "horse"
METRICS = ("text_clip_similarity", "video_clip_similarity", "subject_dino_similarity",
           "arcface_similarity", "dynamic_degree", "temporal_consistency")  # fmt: skip
PAIRED = {"dynamic_degree", "temporal_consistency"}  # of a frame and the next


def measure(job: Job) -> Iterator[Figure]:
    import torch

    torch.set_num_threads(1)  # as workers do
    frames, times = job.size(16, 4), job.size(3, 1)
    weights = _weights(job.scratch / "small-models")
    spec = EvaluateSpec(metrics=METRICS, num_frames=frames, weights=weights)
    models = ModelRegistry(spec)
    path = golden.clip(job.scratch / "clip.mp4", frames=frames, fps=8, size=(SIDE, SIDE))
    (part,) = pyav.decode_frames(str(path), Sampling(1), None)
    whole = Known(part.pixels.transpose(0, 2, 3, 1).copy(), 8.0, _truth(models))
    shape = f"small random models, {frames} frames of {SIDE}x{SIDE}"
    for name in METRICS:
        metric = load_plugin("evaluate.metrics", name).Metric(spec, models)
        batched = _least_s(lambda metric=metric: whole.score(metric), times)
        apart = _least_s(lambda m=metric, n=name: _one_by_one(m, n, whole), times)
        yield Figure("evaluate", f"{name}, {shape}", batched, "s/video")
        yield Figure("evaluate", f"{name}, frames one by one to batched", apart / batched, "x")
    yield from _decoded(job, spec, path)


@dataclass(frozen=True)
class Known:
    """A video, of which nothing is kept from one score to the next."""

    frames: np.ndarray
    fps: float
    truth: Any

    def score(self, metric: "Metric") -> None:
        metric.score(Sample(self.frames, self.fps, {"prompt": TAG}, self.truth))


@dataclass
class Drawn(NoReference):
    """A truth of random vectors, of the widths that the models make."""

    widths: Mapping[str, int]
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def text_vector(self) -> np.ndarray:
        return self._drawn(1, "clip")[0]

    def video_vectors(self) -> np.ndarray:
        return self._drawn(3, "clip")

    def subject_vectors(self) -> Mapping[str, np.ndarray]:
        return {TAG: self._drawn(3, "dino")}

    def subject_tags(self) -> tuple[str, ...]:
        return (TAG,)

    def face_vectors(self) -> np.ndarray:
        return self._drawn(3, "arcface")

    def _drawn(self, count: int, model: str) -> np.ndarray:
        return self.random.standard_normal((count, self.widths[model]), np.float32)


def _truth(models: ModelRegistry) -> Drawn:
    return Drawn({name: models.get(name).dim for name in ("clip", "dino", "arcface")})


def _one_by_one(metric: "Metric", name: str, whole: Known) -> None:
    """As often as there are frames, or pairs of them, each a video of its own."""
    many = 2 if name in PAIRED else 1
    for first in range(len(whole.frames) - many + 1):
        replace(whole, frames=whole.frames[first : first + many]).score(metric)


def _decoded(job: Job, spec: EvaluateSpec, path: Path) -> Iterator[Figure]:
    """All metrics of videos that are decoded once, against once for every metric."""
    count = job.size(8, 3)
    targets = [Target(str(n), str(n), "m", str(path), "") for n in range(count)]
    apart = [spec.model_copy(update={"metrics": (name,)}) for name in METRICS]
    shared = _run_s([spec], targets)
    repeated = _run_s(apart, targets)
    yield Figure("evaluate", "all metrics, decoded once", shared / count, "s/video")
    yield Figure("evaluate", "decoded for every metric, to once", repeated / shared, "x")
    light = spec.model_copy(update={"metrics": ("temporal_consistency",)})
    yield Figure("evaluate", "decoding and T-Cons", _run_s([light], targets) / count, "s/video")


def _run_s(specs: Sequence[EvaluateSpec], targets: Sequence[Target]) -> float:
    """The seconds of measuring alone: models are loaded and decoders warm."""
    spent = 0.0
    for spec in specs:
        evaluator = Evaluator(spec, WorkerSetup())
        evaluator.load()
        list(evaluator.run(targets[:1]))
        started = time.perf_counter()
        list(evaluator.run(targets))
        spent += time.perf_counter() - started
        evaluator.close()
    return spent


def _weights(folder: Path) -> dict[str, str]:
    from support import toy_detectors, toy_models

    return toy_models.write_small(folder) | toy_detectors.write_small(folder)


def _least_s(work: Callable[[], object], times: int) -> float:
    """The best of several: what else runs on the machine only ever adds."""
    work()
    spent = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        spent.append(time.perf_counter() - started)
    return min(spent)
