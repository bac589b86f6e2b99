"""Frames of many videos packed into batches of one size, and their vectors given back by video."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from data.outcome import Done, Failed, Outcome
from data.records import Video
from engines.video.frames import Frames


@dataclass(frozen=True, slots=True)
class Vectors:
    """A video's `frame` (n,) int64, `seconds` (n,) float64 and `vector` (n, dim) float16."""

    frame: np.ndarray
    seconds: np.ndarray
    vector: np.ndarray
    read_s: float
    decode_s: float
    model_s: float


@dataclass(slots=True)
class _Open:
    """A video whose frames are on their way."""

    id: str
    frames: list[Frames] = field(default_factory=list)
    vectors: list[np.ndarray] = field(default_factory=list)
    missing: int = 0
    model_s: float = 0.0
    end: Outcome | None = None


class Packer:
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
