"""Which frames to keep: from all timestamps at once, or as frames come by."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

import numpy as np

from engines.frames import DecodeError, Sampling

NEAR = 1e-6  # seconds: a target this little past the last frame still counts as reached

Picture = TypeVar("Picture")


def kept(seconds: np.ndarray, sampling: Sampling) -> np.ndarray:
    """The indices to keep, ascending, out of frames at these `seconds` (ascending)."""
    if sampling.every_nth:
        found = np.arange(0, len(seconds), sampling.every_nth)
    else:
        found = _nearest(seconds, sampling.fps or 0.0)
    check_count(len(found), sampling)
    return found


def _nearest(seconds: np.ndarray, fps: float) -> np.ndarray:
    targets = np.arange(int((seconds[-1] + NEAR) * fps) + 1) / fps
    after = np.searchsorted(seconds, targets).clip(0, len(seconds) - 1)
    before = (after - 1).clip(0)
    earlier = targets - seconds[before] <= seconds[after] - targets
    # Past the last frame both distances point at it; a tie goes to the earlier frame.
    return np.unique(np.where(earlier & (seconds[after] >= targets), before, after))


def check_count(count: int, sampling: Sampling) -> None:
    """Refuses more frames than `max_frames`."""
    if sampling.max_frames is not None and count > sampling.max_frames:
        raise DecodeError("too_long", f"more than {sampling.max_frames} sampled frames")


def keep(
    frames: Iterable[tuple[int, float, Picture]], sampling: Sampling
) -> Iterator[tuple[int, float, Picture]]:
    """The same choice as `kept`, made while (index, seconds, picture) come by in order."""
    chosen = _every(frames, sampling) if sampling.every_nth else _near(frames, sampling.fps or 0.0)
    for count, frame in enumerate(chosen, start=1):
        check_count(count, sampling)
        yield frame


def _every(
    frames: Iterable[tuple[int, float, Picture]], sampling: Sampling
) -> Iterator[tuple[int, float, Picture]]:
    return (frame for frame in frames if frame[0] % (sampling.every_nth or 1) == 0)


def _near(
    frames: Iterable[tuple[int, float, Picture]], fps: float
) -> Iterator[tuple[int, float, Picture]]:
    step, last = 0, -1
    before: tuple[int, float, Picture] | None = None
    for frame in frames:
        while (target := step / fps) <= frame[1] + NEAR:
            step += 1
            earlier = before is not None and target - before[1] <= frame[1] - target
            pick = before if before is not None and earlier else frame
            if pick[0] > last:
                last = pick[0]
                yield pick
        before = frame
