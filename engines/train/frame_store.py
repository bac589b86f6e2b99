"""Frames of many videos in one memory-mapped file, in which every video has its place."""

import os
from collections import Counter
from pathlib import Path

import numpy as np

from data.outcome import REASONS

PENDING = 0


class Shelf:
    """`frames` (videos, most, *shape) float16, `counts` (videos,) int16: how many each has.

    A count is negative where a video was left out; it then says why.
    Places that nothing was put in take no room on disk. A count is written after its frames, so
    what was being written when a process was killed is pending still.
    """

    def __init__(self, folder: Path, name: str) -> None:
        frames, counts = _files(folder, name)
        self.frames, self.counts = np.load(frames, mmap_mode="r+"), np.load(counts, mmap_mode="r+")
        self._settling: dict[int, int] = {}

    def pending(self) -> np.ndarray:
        """The rows of the videos that have neither frames nor been left out."""
        return np.flatnonzero(self.counts == PENDING)

    def put(self, row: int, frames: np.ndarray) -> None:
        """Keeps a video's first frames (n, …), as many as there is room for."""
        kept = frames[: self.frames.shape[1]].reshape(-1, *self.frames.shape[2:])
        self.frames[row, : len(kept)] = kept
        self._settling[row] = len(kept)

    def leave_out(self, row: int, reason: str) -> None:
        """Keeps a place empty for good, for one of the reasons of `data.outcome`."""
        self._settling[row] = -1 - REASONS.index(reason)

    def left_out(self) -> dict[str, int]:
        """How many videos were left out, by reason."""
        return dict(Counter(REASONS[-1 - count] for count in self.counts[self.counts < 0]))

    def settle(self) -> None:
        """Makes what was put count."""
        self.frames.flush()  # first, so that no count speaks of frames that are not there
        for row, count in self._settling.items():
            self.counts[row] = count
        self.counts.flush()
        self._settling.clear()


def shelf(folder: Path, name: str, videos: int, most: int, shape: tuple[int, ...]) -> Shelf:
    """The shelf of a name in a folder, made empty where there is none."""
    frames, counts = _files(folder, name)
    _make(frames, (videos, most, *shape), np.float16)
    _make(counts, (videos,), np.int16)
    return Shelf(folder, name)


def _files(folder: Path, name: str) -> tuple[Path, Path]:
    return folder / f"{name}.npy", folder / f"{name}-counts.npy"


def _make(path: Path, shape: tuple[int, ...], dtype: type) -> None:
    """A file of zeros, which are holes in it."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.tmp")
        np.lib.format.open_memmap(draft, "w+", dtype, shape).flush()
        os.replace(draft, path)
