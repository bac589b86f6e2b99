"""Stores frames of many videos in one memory-mapped file, in which every video has its row."""

import os
from collections import Counter
from pathlib import Path

import numpy as np

from data.outcome import REASONS

PENDING = 0  # what a sparse file reads as where nothing was written


class FrameStore:
    """`frames` (videos, most, *shape) float16, `counts` (videos,) int16: how many each has.

    A negative count marks a video that was left out, and encodes the reason. Rows that were never
    written take no space on disk.
    """

    def __init__(self, folder: Path, name: str) -> None:
        frames, counts = _store_paths(folder, name)
        self.frames, self.counts = np.load(frames, mmap_mode="r+"), np.load(counts, mmap_mode="r+")
        self._uncommitted: dict[int, int] = {}

    def pending(self) -> np.ndarray:
        """The rows of the videos that have neither frames nor been left out."""
        return np.flatnonzero(self.counts == PENDING)

    def put(self, row: int, frames: np.ndarray) -> None:
        """Writes a video's first frames (n, …), as many as there is room for."""
        first = frames[: self.frames.shape[1]].reshape(-1, *self.frames.shape[2:])
        self.frames[row, : len(first)] = first
        # The count is held back: once on disk, it promises that the frames are too.
        self._uncommitted[row] = len(first)

    def leave_out(self, row: int, reason: str) -> None:
        """Marks a video as left out for good, for one of the reasons of `data.outcome`."""
        self._uncommitted[row] = -1 - REASONS.index(reason)

    def left_out(self) -> dict[str, int]:
        """How many videos were left out, by reason."""
        return dict(Counter(REASONS[-1 - count] for count in self.counts[self.counts < 0]))

    def commit_frames(self) -> None:
        """Writes the counts of what was put; a video interrupted before that is still pending."""
        self.frames.flush()  # first, so that no count refers to frames that are not on disk
        for row, count in self._uncommitted.items():
            self.counts[row] = count
        self.counts.flush()
        self._uncommitted.clear()


def open_frame_store(
    folder: Path, name: str, videos: int, most: int, shape: tuple[int, ...]
) -> FrameStore:
    """The frame store of a name in a folder; an empty one is created if there is none."""
    frames, counts = _store_paths(folder, name)
    _create_file(frames, (videos, most, *shape), np.float16)
    _create_file(counts, (videos,), np.int16)
    return FrameStore(folder, name)


def _store_paths(folder: Path, name: str) -> tuple[Path, Path]:
    return folder / f"{name}.npy", folder / f"{name}-counts.npy"


def _create_file(path: Path, shape: tuple[int, ...], dtype: type) -> None:
    """Creates a sparse file of zeros, unless the file exists."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        # A file cut short by a kill would pass for the store's: it gets its name when whole.
        draft = path.with_name(f".{path.name}.tmp")
        np.lib.format.open_memmap(draft, "w+", dtype, shape).flush()
        os.replace(draft, path)
