"""Which frames to keep: from all timestamps at once, or as frames come by."""

import math
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

import numpy as np

from engines.video.frames import DecodeError, Sampling

NEAR = 1e-6  # seconds: a step this little past the last frame still counts

Picture = TypeVar("Picture")


def kept(seconds: np.ndarray, sampling: Sampling) -> np.ndarray:
    """The indices to keep, ascending, out of frames at these `seconds` (ascending)."""
    if sampling.count:
        found = np.unique(nearest(seconds, steps(sampling)))
    elif sampling.every_nth:
        found = np.arange(0, len(seconds), sampling.every_nth)
    else:
        found = _nearest(seconds, sampling.fps or 0.0)
    found = found[: sampling.first]
    check_count(len(found), sampling)
    return found


def steps(window: Sampling) -> np.ndarray:
    """The times (count,) in seconds that a window asks for."""
    return window.start_s + np.arange(window.count or 0) / (window.fps or 1.0)


def nearest(seconds: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Positions of the frames at `seconds` that are nearest to the `steps`; ties go to the earlier.

    Of the frames that a window kept, these are the frames that it asked for, one a step.
    """
    return np.searchsorted((seconds[:-1] + seconds[1:]) / 2, steps)


def _nearest(seconds: np.ndarray, fps: float) -> np.ndarray:
    """A frame is kept when a step k / fps falls between the midpoints to its neighbours."""
    ends = np.append((seconds[:-1] + seconds[1:]) / 2, seconds[-1] + NEAR)
    return np.flatnonzero(np.diff(np.floor(ends * fps), prepend=-1.0) > 0)


def check_count(count: int, sampling: Sampling) -> None:
    """Refuses more frames than `max_frames`."""
    if sampling.max_frames is not None and count > sampling.max_frames:
        raise DecodeError("too_long", f"more than {sampling.max_frames} sampled frames")


def keep(
    frames: Iterable[tuple[int, float, Picture]], sampling: Sampling
) -> Iterator[tuple[int, float, Picture]]:
    """The same choice as `kept`, made while (index, seconds, picture) come by in order."""
    if sampling.count:
        chosen = _within(frames, steps(sampling))
    elif sampling.every_nth:
        chosen = _every(frames, sampling)
    else:
        chosen = _near(frames, sampling.fps or 0.0)
    for count, frame in enumerate(islice(chosen, sampling.first), start=1):
        check_count(count, sampling)
        yield frame


def _every(
    frames: Iterable[tuple[int, float, Picture]], sampling: Sampling
) -> Iterator[tuple[int, float, Picture]]:
    return (frame for frame in frames if frame[0] % (sampling.every_nth or 1) == 0)


def _near(
    frames: Iterable[tuple[int, float, Picture]], fps: float
) -> Iterator[tuple[int, float, Picture]]:
    reached, before = -1, None
    for frame in frames:
        if before is not None:
            steps = math.floor((before[1] + frame[1]) / 2 * fps)
            if steps > reached:
                reached = steps
                yield before
        before = frame
    if before is not None and math.floor((before[1] + NEAR) * fps) > reached:
        yield before


def _within(
    frames: Iterable[tuple[int, float, Picture]], steps: np.ndarray
) -> Iterator[tuple[int, float, Picture]]:
    """Ends with the last step: what comes after it is not asked for."""
    reached, before = 0, None
    for frame in frames:
        if before is not None:
            passed = int(np.searchsorted(steps, (before[1] + frame[1]) / 2, side="right"))
            if passed > reached:
                reached = passed
                yield before
        if reached == len(steps):
            return
        before = frame
    if before is not None:
        yield before
