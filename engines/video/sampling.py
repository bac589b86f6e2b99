"""Which frames to keep: from all timestamps at once, or from frames as they come by."""

import math
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

import numpy as np

from engines.video.frames import DecodeError, Sampling

END_SLACK_S = 1e-6  # a step so little past the last frame still counts: times are rounded

Picture = TypeVar("Picture")


def select_frames(
    seconds: np.ndarray, sampling: Sampling, key: np.ndarray | None = None
) -> np.ndarray:
    """The indices to keep, ascending, of frames at these `seconds` (ascending).

    `key` (n,) says which frames are keyframes; all are, where it is None.
    """
    if sampling.keyframes:
        indices = select_keyframes(len(seconds), key)
    elif sampling.parts:
        indices = select_middles(len(seconds), sampling.parts)
    elif sampling.count:
        indices = np.unique(find_nearest(seconds, compute_steps(sampling)))
    elif sampling.every_nth:
        indices = np.arange(0, len(seconds), sampling.every_nth)
    else:
        indices = _select_at_rate(seconds, sampling.fps or 0.0)
    indices = indices[: sampling.first]
    check_count(len(indices), sampling)
    return indices


def compute_steps(window: Sampling) -> np.ndarray:
    """The times (count,) in seconds of a window's steps."""
    return window.start_s + np.arange(window.count or 0) / (window.fps or 1.0)


def find_nearest(seconds: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Positions of the frames at `seconds` nearest to each of the `steps`; ties go to the earlier.

    Of the frames kept for a window, these are its frames one a step, repeated where need be.
    """
    return np.searchsorted((seconds[:-1] + seconds[1:]) / 2, steps)


def select_keyframes(count: int, key: np.ndarray | None) -> np.ndarray:
    """The indices of keyframes; of a span that lies between two of them, its first frame."""
    if key is None:
        return np.arange(count)
    return np.flatnonzero(key) if key.any() else np.arange(min(1, count))


def select_middles(count: int, parts: int) -> np.ndarray:
    """The indices in the middle of so many equal parts of `count` frames, each once."""
    middles = (2 * np.arange(parts, dtype=np.int64) + 1) * count // (2 * parts)
    return np.unique(middles)


def _select_at_rate(seconds: np.ndarray, fps: float) -> np.ndarray:
    """A frame is kept when a step k / fps falls between the midpoints to its neighbours."""
    ends = np.append((seconds[:-1] + seconds[1:]) / 2, seconds[-1] + END_SLACK_S)
    return np.flatnonzero(np.diff(np.floor(ends * fps), prepend=-1.0) > 0)


def check_count(count: int, sampling: Sampling) -> None:
    """Raises a DecodeError for more frames than `max_frames`."""
    if sampling.max_frames is not None and count > sampling.max_frames:
        raise DecodeError("too_long", f"more than {sampling.max_frames} sampled frames")


def filter_frames(
    frames: Iterable[tuple[int, float, Picture]], sampling: Sampling, total: int = 0
) -> Iterator[tuple[int, float, Picture]]:
    """The same choice as `select_frames`, of (index, seconds, picture) as they come in order.

    For equal parts, of `total` frames.
    """
    chosen: Iterator[tuple[int, float, Picture]]
    if sampling.keyframes:
        chosen = _filter_keyframes(frames)
    elif sampling.parts:
        middles = set(select_middles(total, sampling.parts).tolist())
        chosen = (frame for frame in frames if frame[0] in middles)
    elif sampling.count:
        chosen = _filter_window(frames, compute_steps(sampling))
    elif sampling.every_nth:
        chosen = _filter_every_nth(frames, sampling)
    else:
        chosen = _filter_at_rate(frames, sampling.fps or 0.0)
    for count, frame in enumerate(islice(chosen, sampling.first), start=1):
        check_count(count, sampling)
        yield frame


def _filter_keyframes(
    frames: Iterable[tuple[int, float, Picture]],
) -> Iterator[tuple[int, float, Picture]]:
    first, has_any = None, False
    for frame in frames:
        first = first or frame
        if getattr(frame[2], "key_frame", False):
            has_any = True
            yield frame
    if first is not None and not has_any:
        yield first


def _filter_every_nth(
    frames: Iterable[tuple[int, float, Picture]], sampling: Sampling
) -> Iterator[tuple[int, float, Picture]]:
    return (frame for frame in frames if frame[0] % (sampling.every_nth or 1) == 0)


def _filter_at_rate(
    frames: Iterable[tuple[int, float, Picture]], fps: float
) -> Iterator[tuple[int, float, Picture]]:
    # One frame behind: whether a frame is nearest to a step shows only when the next one is known.
    reached, previous = -1, None
    for frame in frames:
        if previous is not None:
            step = math.floor((previous[1] + frame[1]) / 2 * fps)
            if step > reached:
                reached = step
                yield previous
        previous = frame
    if previous is not None and math.floor((previous[1] + END_SLACK_S) * fps) > reached:
        yield previous


def _filter_window(
    frames: Iterable[tuple[int, float, Picture]], steps: np.ndarray
) -> Iterator[tuple[int, float, Picture]]:
    """Ends with the last step: frames after it are not read."""
    reached, previous = 0, None
    for frame in frames:
        if previous is not None:
            passed = int(np.searchsorted(steps, (previous[1] + frame[1]) / 2, side="right"))
            if passed > reached:
                reached = passed
                yield previous
        if reached == len(steps):
            return
        previous = frame
    if previous is not None:
        yield previous
