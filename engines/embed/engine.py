"""The embed stage's engine: decode ahead, fill batches across videos, give vectors back by id."""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from data.outcome import Done, Failed, Outcome
from data.records import Video
from data.specs.pipeline import EmbedSpec
from engines.base import Needs, plugin
from engines.embed.batching import FittingBatch
from engines.embed.frame_packer import Packer, Vectors
from engines.video.frames import Resize, Sampling
from engines.video.guard.guard import Guard


class FrameModel(Protocol):
    """What makes vectors of frames."""

    dim: int
    resize: Resize
    slow: bool  # whether loading takes seconds, in which decoders may start

    def load(self, threads: int | None, compile: bool) -> None: ...

    def embed_images(self, pixels: np.ndarray) -> np.ndarray:
        """(n, 3, size, size) uint8 RGB to (n, dim) float32, not normalised."""
        ...


class Embedder(FrameModel, Protocol):
    """A module in `engines/embed/` has a class `Embedder(spec)`, `VERSION` and `digest(spec)`."""

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        """(n, dim) float32, not normalised."""
        ...


@dataclass(frozen=True, slots=True)
class Work:
    """How an embedding worker is set up: speed only.

    `lanes` batches of frames are embedded at once, each by `threads` threads of the model.
    """

    decoders: int = 1
    lanes: int = 1
    threads: int | None = None
    frames_per_batch: int = 64
    decode_deadline_s: float = 60.0
    decoder_memory_gb: float = 4.0
    compile: bool = False
    needs: Needs = field(default_factory=Needs)


def sampling(spec: EmbedSpec) -> Sampling:
    """The part of the spec that the decoder is asked for."""
    return Sampling(spec.every_nth, spec.fps, spec.max_frames)


class VideoEmbedder:
    """Frame vectors of videos. Two threads may run batches at once and share decoders and model.

    The model and the sampling are the spec's, unless others are given in their place.
    """

    def __init__(
        self, spec: EmbedSpec, work: Work, model: FrameModel | None = None,
        sampled: Sampling | None = None,
    ) -> None:  # fmt: skip
        self.spec, self.work, self.needs = spec, work, work.needs
        self.model: FrameModel = model or plugin("embed.models", spec.engine).Embedder(spec)
        self.sampling = sampled or sampling(spec)
        self._fitting = FittingBatch(work.frames_per_batch)
        self._lane = threading.Semaphore(work.lanes)

    def load(self) -> None:
        work = self.work
        self.guard = Guard(work.decoders, work.decode_deadline_s, work.decoder_memory_gb)
        if self.model.slow:
            threading.Thread(target=self._warm, daemon=True).start()
        self.model.load(work.threads, work.compile)

    def run(self, batch: Sequence[Video]) -> Iterator[Outcome[Vectors]]:
        """One outcome per video, in order; frames fill the model's batches across videos."""
        packer = Packer(self.work.frames_per_batch)
        for event in self.guard.decode(batch, self.sampling, self.model.resize):
            if isinstance(event, Done | Failed):
                packer.end(event)
            else:
                packer.add(*event)
            while packer.full():
                self._embed(packer)
            yield from packer.finished()
        while packer.waiting:
            self._embed(packer)
        yield from packer.finished()

    def close(self) -> None:
        self.guard.close()

    def _warm(self) -> None:
        """Has the decoders import what they need (some 3 s each) while the model loads."""
        nothing = [Video(f"nothing-{n}", os.devnull, "") for n in range(self.work.decoders)]
        with suppress(RuntimeError):  # closed before they were warm
            list(self.guard.decode(nothing, self.sampling, Resize()))

    def _embed(self, packer: Packer) -> None:
        pixels = packer.take()
        with self._lane:
            started = time.perf_counter()
            vectors = self._fitting.apply(self.model.embed_images, pixels)
            # Of the whole worker, which its lanes share.
            packer.give(vectors, (time.perf_counter() - started) / self.work.lanes)
