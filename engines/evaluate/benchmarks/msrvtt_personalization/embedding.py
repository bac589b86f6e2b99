"""Embedding of a benchmark's clips: the reference vectors that videos are compared with."""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from data.outcome import Done, Failed, Outcome
from data.runs.benchmark import Kind, Part, is_clip_name
from data.specs.evaluate import EvaluateSpec
from engines.evaluate.benchmarks.msrvtt_personalization.folder import BenchmarkClip
from engines.evaluate.benchmarks.msrvtt_personalization.sources import Source, open_source
from engines.evaluate.vision.registry import ModelRegistry, explain_missing_weights
from engines.video.frames import DecodeError
from engines.video.guard.guard import Guard
from engines.worker import WorkerSetup

VERSION = "2"  # 2: faces beyond the frame are padded with black
MODELS = ("clip", "dino", "arcface")


def to_reference_spec(spec: EvaluateSpec) -> EvaluateSpec:
    """The part of a spec that the references depend on: CLIP's precision."""
    # Not `crop`: real frames are always cropped to the centre, as published.
    return EvaluateSpec(metrics=(), clip_dtype=spec.clip_dtype, weights=spec.weights)


class ReferenceEmbedder:
    """Embeds clips one at a time, so that other clips never change a bit of the vectors.

    `folder` has one folder per clip. Models with missing weights are skipped, and their parts
    carry the reason.
    """

    def __init__(
        self, folder: str, spec: EvaluateSpec, models: Sequence[str], setup: WorkerSetup,
        annotations: str | None = None,
    ) -> None:  # fmt: skip
        self.folder, self.spec, self.annotations = folder, to_reference_spec(spec), annotations
        reasons = {name: explain_missing_weights(self.spec, name) or "" for name in models}
        self.missing = {name: reasons.get(name, "not requested") for name in MODELS}
        self.setup, self.needs = setup, setup.needs
        self._lock = threading.Lock()

    def load(self) -> None:
        import torch

        # On a CPU, the last bits depend on the number of threads.
        if not torch.cuda.is_available():
            torch.set_num_threads(1)
        self._models = ModelRegistry(self.spec)
        for name in (name for name in MODELS if not self.missing[name]):
            self._models.get(name)
        self._guard = Guard.for_worker(self.setup)

    def run(self, batch: Sequence[BenchmarkClip]) -> Iterator[Outcome[list[Part]]]:
        """Yields the parts of each clip: text, video, subjects, objects, faces."""
        for clip in batch:
            try:
                if not is_clip_name(clip.id):
                    raise DecodeError("rejected", f"invalid clip name {clip.id!r}")
                with self._lock:
                    parts = self._embed_clip(clip.id)
                yield Done(clip.id, parts)
            except DecodeError as fault:
                yield Failed(clip.id, fault.reason, str(fault))  # type: ignore[arg-type]

    def close(self) -> None:
        self._guard.close()

    def _embed_clip(self, clip: str) -> list[Part]:
        source = open_source(Path(self.folder) / clip, self._guard, self.annotations)
        return [
            *self._embed_text_and_frames(source),
            *self._embed_tags(source),
            self._embed_faces(source),
        ]

    def _embed_text_and_frames(self, source: Source) -> Iterator[Part]:
        if reason := self.missing["clip"]:
            yield Part("text", reason=reason)
            yield Part("video", reason=reason)
            return
        clip = self._models.get("clip")
        yield Part("text", None, _to_float32(clip.embed_texts([source.read_caption()])))
        frames = source.read_frames()
        if len({frame.shape for frame in frames}) > 1:
            raise DecodeError("rejected", "the clip's frames differ in size")
        yield Part("video", None, _to_float32(clip.embed_images(np.stack(frames))))

    def _embed_tags(self, source: Source) -> Iterator[Part]:
        yield from (self._embed_tag(source, "subject", tag) for tag in source.subjects)
        yield from (self._embed_tag(source, "object", tag) for tag in source.objects)

    def _embed_tag(self, source: Source, kind: Kind, tag: str) -> Part:
        reason = self.missing["dino"]
        pictures = [] if reason else source.read_cutouts(tag)
        if not pictures:
            return Part(kind, tag, reason=reason or f"no cut-out of {tag!r}")
        return Part(kind, tag, self._models.get("dino").embed(pictures))

    def _embed_faces(self, source: Source) -> Part:
        reason = self.missing["arcface"]
        pictures = [] if reason else source.read_faces()
        if not pictures:
            return Part("face", reason=reason or "not exactly one subject with a face")
        return Part("face", None, self._models.get("arcface").embed(pictures))


def _to_float32(vectors: np.ndarray) -> np.ndarray:
    """The vectors as float32, which represents float16 exactly."""
    return vectors.astype(np.float32)
