"""The embed stage's engine: decode ahead, fill batches across videos, give vectors back by id."""

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from data.outcome import Done, Failed, Outcome
from data.records import Video
from data.specs import EmbedSpec
from engines.base import Needs, plugin
from engines.batching import FittingBatch
from engines.children.guard import Guard
from engines.video.frames import Frames, Resize, Sampling


class Embedder(Protocol):
    """A module in `engines/embed/` has a class `Embedder(spec)`, `VERSION` and `digest(spec)`."""

    dim: int
    resize: Resize

    def load(self, threads: int | None, compile: bool) -> None: ...

    def embed_images(self, pixels: np.ndarray) -> np.ndarray:
        """(n, 3, size, size) uint8 RGB to (n, dim) float32, not normalised."""
        ...

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        """(n, dim) float32, not normalised."""
        ...


@dataclass(frozen=True, slots=True)
class Vectors:
    """A video's `frame` (n,) int64, `seconds` (n,) float64 and `vector` (n, dim) float16."""

    frame: np.ndarray
    seconds: np.ndarray
    vector: np.ndarray
    read_s: float
    decode_s: float
    model_s: float


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
    """Frame vectors of videos. Two threads may run batches at once and share decoders and model."""

    def __init__(self, spec: EmbedSpec, work: Work) -> None:
        self.spec, self.work, self.needs = spec, work, work.needs
        self.model: Embedder = plugin("embed", spec.engine).Embedder(spec)
        self._fitting = FittingBatch(work.frames_per_batch)
        self._lane = threading.Semaphore(work.lanes)

    def load(self) -> None:
        work = self.work
        self.guard = Guard(work.decoders, work.decode_deadline_s, work.decoder_memory_gb)
        self.model.load(work.threads, work.compile)

    def run(self, batch: Sequence[Video]) -> Iterator[Outcome[Vectors]]:
        """One outcome per video, in order; frames fill the model's batches across videos."""
        packer = _Packer(self.work.frames_per_batch)
        for event in self.guard.decode(batch, sampling(self.spec), self.model.resize):
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

    def _embed(self, packer: "_Packer") -> None:
        pixels = packer.take()
        with self._lane:
            started = time.perf_counter()
            vectors = self._fitting.apply(self.model.embed_images, pixels)
            # Of the whole worker, which its lanes share.
            packer.give(vectors, (time.perf_counter() - started) / self.work.lanes)


@dataclass(slots=True)
class _Open:
    """A video whose frames are on their way."""

    id: str
    frames: list[Frames] = field(default_factory=list)
    vectors: list[np.ndarray] = field(default_factory=list)
    missing: int = 0
    model_s: float = 0.0
    end: Outcome | None = None


class _Packer:
    """Lines frames up in order of arrival and hands vectors back to the videos they are of."""

    def __init__(self, size: int) -> None:
        self.size, self.waiting = size, 0
        self._open: dict[str, _Open] = {}
        self._line: list[tuple[_Open, np.ndarray]] = []
        self._given: list[tuple[_Open, int]] = []

    def add(self, video: Video, frames: Frames) -> None:
        entry = self._open.setdefault(video.id, _Open(video.id))
        entry.frames.append(Frames(frames.index, frames.seconds, frames.pixels[:0]))
        entry.missing += len(frames.index)
        self._line.append((entry, frames.pixels))
        self.waiting += len(frames.index)

    def end(self, outcome: Outcome) -> None:
        self._open.setdefault(outcome.id, _Open(outcome.id)).end = outcome

    def full(self) -> bool:
        return self.waiting >= self.size

    def take(self) -> np.ndarray:
        """The next `size` frames (fewer at the end), whichever videos they are of."""
        parts, left = [], self.size
        self._given = []
        while left and self._line:
            entry, pixels = self._line.pop(0)
            taken, rest = pixels[:left], pixels[left:]
            if len(rest):
                self._line.insert(0, (entry, rest))
            parts.append(taken)
            self._given.append((entry, len(taken)))
            left -= len(taken)
        self.waiting -= self.size - left
        return np.concatenate(parts)

    def give(self, vectors: np.ndarray, seconds: float) -> None:
        start = 0
        for entry, count in self._given:
            entry.vectors.append(vectors[start : start + count].astype(np.float16))
            entry.missing -= count
            entry.model_s += seconds * count / len(vectors)
            start += count

    def finished(self) -> Iterator[Outcome[Vectors]]:
        """The outcomes of the videos at the head of the line that are complete."""
        for id, entry in list(self._open.items()):
            if entry.end is None or (entry.missing and not isinstance(entry.end, Failed)):
                return
            del self._open[id]
            yield _outcome(entry)


def _outcome(entry: _Open) -> Outcome[Vectors]:
    if isinstance(entry.end, Failed):
        return entry.end
    if not entry.vectors:
        return Failed(entry.id, "empty", "no frame was decoded")
    assert entry.end is not None
    stats = entry.end.value
    vector = np.concatenate(entry.vectors)
    if not np.isfinite(vector).all():
        return Failed(entry.id, "rejected", "the model gave a vector that is not finite")
    return Done(
        entry.id,
        Vectors(
            np.concatenate([f.index for f in entry.frames]),
            np.concatenate([f.seconds for f in entry.frames]),
            vector,
            stats.read_s,
            stats.decode_s,
            entry.model_s,
        ),
    )
