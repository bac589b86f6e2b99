"""Packs frames of many videos into batches of one size, and returns their vectors by video."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from data.outcome import Done, Failed, Outcome
from data.records import Video
from engines.video.frames import Frames


@dataclass(frozen=True, slots=True)
class FrameVectors:
    """A video's `frame` (n,) int64, `seconds` (n,) float64 and `vector` (n, dim) float16.

    `damaged` packets of it gave no frame.
    """

    frame: np.ndarray
    seconds: np.ndarray
    vector: np.ndarray
    read_s: float
    decode_s: float
    model_s: float
    damaged: int = 0


@dataclass(slots=True)
class _PendingVideo:
    """A video of which frames or vectors are still to come."""

    id: str
    frames: list[Frames] = field(default_factory=list)
    vectors: list[np.ndarray] = field(default_factory=list)
    missing: int = 0  # vectors
    model_s: float = 0.0
    end: Outcome | None = None


class FramePacker:
    """Queues frames in order of arrival and assigns vectors to the videos they belong to."""

    def __init__(self, size: int) -> None:
        self.size, self.waiting = size, 0
        self._pending: dict[str, _PendingVideo] = {}
        self._queue: list[tuple[_PendingVideo, np.ndarray]] = []
        self._batch: list[tuple[_PendingVideo, int]] = []

    def add(self, video: Video, frames: Frames) -> None:
        """Queues a run of a video's frames."""
        entry = self._pending.setdefault(video.id, _PendingVideo(video.id))
        # Without their pixels: those are let go as soon as they are embedded.
        entry.frames.append(Frames(frames.index, frames.seconds, frames.pixels[:0]))
        entry.missing += len(frames.index)
        self._queue.append((entry, frames.pixels))
        self.waiting += len(frames.index)

    def finish(self, outcome: Outcome) -> None:
        """Notes that a video has no more frames."""
        self._pending.setdefault(outcome.id, _PendingVideo(outcome.id)).end = outcome

    def is_full(self) -> bool:
        """Whether enough frames wait for a whole batch."""
        return self.waiting >= self.size

    def take_batch(self) -> np.ndarray:
        """The next `size` frames (fewer at the end), whichever videos they belong to."""
        parts, left = [], self.size
        self._batch = []
        while left and self._queue:
            entry, pixels = self._queue.pop(0)
            part, rest = pixels[:left], pixels[left:]
            if len(rest):
                self._queue.insert(0, (entry, rest))
            parts.append(part)
            self._batch.append((entry, len(part)))
            left -= len(part)
        self.waiting -= self.size - left
        return np.concatenate(parts)

    def assign_vectors(self, vectors: np.ndarray, seconds: float) -> None:
        """Assigns the vectors of the batch taken last, and shares out the seconds they took."""
        start = 0
        for entry, count in self._batch:
            entry.vectors.append(vectors[start : start + count].astype(np.float16))
            entry.missing -= count
            entry.model_s += seconds * count / len(vectors)
            start += count

    def pop_outcomes(self) -> Iterator[Outcome[FrameVectors]]:
        """The outcomes of the first videos that are complete, in the videos' order."""
        for id, entry in list(self._pending.items()):
            if entry.end is None or (entry.missing and not isinstance(entry.end, Failed)):
                return
            del self._pending[id]
            yield _build_outcome(entry)


def _build_outcome(entry: _PendingVideo) -> Outcome[FrameVectors]:
    if isinstance(entry.end, Failed):
        return entry.end
    if not entry.vectors:
        return Failed(entry.id, "empty", "no frame was decoded")
    assert entry.end is not None
    stats = entry.end.value
    vector = np.concatenate(entry.vectors)
    if not np.isfinite(vector).all():  # as half precision overflows; one would spoil an index
        return Failed(entry.id, "rejected", "the model returned a vector that is not finite")
    return Done(
        entry.id,
        FrameVectors(
            np.concatenate([f.index for f in entry.frames]),
            np.concatenate([f.seconds for f in entry.frames]),
            vector,
            stats.read_s,
            stats.decode_s,
            entry.model_s,
            stats.damaged,
        ),
    )
