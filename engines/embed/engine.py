"""The embed stage's engine: decodes ahead, fills batches across videos, gives vectors by id."""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from data.outcome import Done, Failed, Outcome
from data.records import Video
from data.specs.pipeline import EmbedSpec
from engines.base import load_plugin
from engines.embed.adaptive import embed_adaptively
from engines.embed.batching import FittingBatch
from engines.embed.frame_packer import FramePacker, FrameVectors
from engines.video.frames import Resize, Sampling
from engines.video.guard.guard import Guard
from engines.worker import WorkerSetup


class FrameModel(Protocol):
    """A model that makes vectors of frames; `dim` and `resize` may be known only once loaded."""

    dim: int
    resize: Resize
    slow: bool  # whether loading takes seconds, in which decoders may start

    def load(self, threads: int | None, compile: bool) -> None:
        """Loads the weights; `threads` of the CPU per batch (None: the library's default)."""
        ...

    def embed_images(self, pixels: np.ndarray) -> np.ndarray:
        """(n, 3, size, size) uint8 RGB to (n, dim) float32, not normalised."""
        ...


class Embedder(FrameModel, Protocol):
    """The class `Embedder(spec)` of a plugin in `engines/embed/models`."""

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        """(n, dim) float32, not normalised."""
        ...


@dataclass(frozen=True, slots=True)
class EmbedSetup(WorkerSetup):
    """How an embedding worker is set up.

    `concurrent_batches` of frames are embedded at once, each by `threads` threads of the model.
    """

    concurrent_batches: int = 1
    threads: int | None = None
    frames_per_batch: int = 64
    compile: bool = False


def to_sampling(spec: EmbedSpec) -> Sampling:
    """The spec's sampling, as the decoder takes it."""
    return Sampling(
        spec.every_nth, spec.fps, spec.max_frames, max_damaged=spec.max_damaged,
        keyframes=spec.keyframes, parts=None if spec.adaptive is None else 2,
    )  # fmt: skip


class VideoEmbedder:
    """Frame vectors of videos. Two threads may run batches at once and share decoders and model.

    Model and sampling are the spec's, unless others are given in their place.
    """

    def __init__(
        self, spec: EmbedSpec, setup: EmbedSetup, model: FrameModel | None = None,
        sampling: Sampling | None = None,
    ) -> None:  # fmt: skip
        self.spec, self.setup, self.needs = spec, setup, setup.needs
        self.model: FrameModel = model or load_plugin("embed.models", spec.engine).Embedder(spec)
        self.sampling = sampling or to_sampling(spec)
        self._fitting = FittingBatch(setup.frames_per_batch)
        self._computing = threading.Semaphore(setup.concurrent_batches)

    def load(self) -> None:
        """Loads the model; the decoder processes start meanwhile."""
        self.guard = Guard.for_worker(self.setup)
        if self.model.slow:
            threading.Thread(target=self._warm_up_decoders, daemon=True).start()
        self.model.load(self.setup.threads, self.setup.compile)

    def run(self, batch: Sequence[Video]) -> Iterator[Outcome[FrameVectors]]:
        """One outcome per video; frames fill the model's batches across videos."""
        if self.sampling.parts and self.spec.adaptive is not None:
            most = self.spec.max_frames
            return embed_adaptively(batch, self.spec.adaptive, self._embed_parts, most)
        return self._embed_sampled(batch, self.sampling)

    def _embed_parts(self, batch: Sequence[Video], parts: int) -> Iterator[Outcome[FrameVectors]]:
        return self._embed_sampled(batch, replace(self.sampling, parts=parts))

    def _embed_sampled(
        self, batch: Sequence[Video], sampling: Sampling
    ) -> Iterator[Outcome[FrameVectors]]:
        packer = FramePacker(self.setup.frames_per_batch)
        for event in self.guard.decode(batch, sampling, self.model.resize):
            if isinstance(event, Done | Failed):
                packer.finish(event)
            else:
                packer.add(*event)
            while packer.is_full():
                self._embed_batch(packer)
            yield from packer.pop_outcomes()
        while packer.waiting:
            self._embed_batch(packer)
        yield from packer.pop_outcomes()

    def close(self) -> None:
        """Ends the decoder processes."""
        self.guard.close()

    def _warm_up_decoders(self) -> None:
        """Starts the decoders' imports (some 3 s each) while the model loads."""
        empty = [Video(f"empty-{n}", os.devnull, "") for n in range(self.setup.decoders)]
        with suppress(RuntimeError):  # the guard was closed meanwhile
            list(self.guard.decode(empty, self.sampling, Resize()))

    def _embed_batch(self, packer: FramePacker) -> None:
        pixels = packer.take_batch()
        with self._computing:
            started = time.perf_counter()
            vectors = self._fitting.apply(self.model.embed_images, pixels)
            # Concurrent batches share the worker: counted whole, their seconds would add up to
            # more than have passed.
            seconds = (time.perf_counter() - started) / self.setup.concurrent_batches
            packer.assign_vectors(vectors, seconds)
