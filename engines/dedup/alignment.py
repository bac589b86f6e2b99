"""Aligns the frame vectors of two videos in time: at which speed and offset do they agree best?"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

SPEEDS = (0.5, 0.67, 0.75, 0.8, 0.9, 1.1, 1.25, 1.33, 1.5, 2.0)
MIN_COVERED = 0.7  # share of the shorter video's frames that the longer one must show too
MAX_FRAMES = 64  # compared of each video, spread over it
MAX_OFFSETS = 256  # tried for each speed
# By how much another speed must agree better than 1: of few frames, or pictures that hardly move,
# any does. The one at which both videos take the same time needs less than the others.
SAME_TIME_GAIN, GAIN = 1e-3, 1e-2


class Frames(NamedTuple):
    """A video's frames: `seconds` (n,) in rising order, and unit `vectors` (n, dim) float32."""

    seconds: np.ndarray
    vectors: np.ndarray


@dataclass(frozen=True, slots=True)
class Alignment:
    """The mean cosine of two videos' frames where they agree best, and which spans do.

    A moment t of the first video is `speed` · t + `offset` in the second; `first` and `second` are
    the spans compared, in seconds.
    """

    score: float
    speed: float
    offset: float
    first: tuple[float, float]
    second: tuple[float, float]


def thin_frames(seconds: np.ndarray, vectors: np.ndarray) -> Frames:
    """At most `MAX_FRAMES` of a video's frames, as unit vectors; frames without a direction go."""
    chosen = np.unique(np.linspace(0, len(seconds) - 1, MAX_FRAMES).round().astype(int))
    kept = chosen if len(seconds) > MAX_FRAMES else np.arange(len(seconds))
    wide = vectors[kept].astype(np.float32)
    norms = np.linalg.norm(wide, axis=1)
    good = np.isfinite(norms) & (norms > 0)
    order = np.argsort(seconds[kept][good], kind="stable")
    return Frames(seconds[kept][good][order], (wide[good] / norms[good, None])[order])


def align_frames(one: Frames, other: Frames) -> Alignment | None:
    """The best alignment of two videos; None where either has no frames.

    The longer video's vectors are interpolated between its frames, so that copies whose frames were
    taken at other moments agree as well. Swapping the videos gives the same alignment, swapped.
    """
    if not (len(one.seconds) and len(other.seconds)):
        return None
    if _rank(one) <= _rank(other):
        return _align_shorter(one, other)
    swapped = _align_shorter(other, one)
    speed = 1 / swapped.speed
    return Alignment(
        swapped.score, speed, -swapped.offset * speed, swapped.second, swapped.first
    )  # fmt: skip


def _rank(frames: Frames) -> tuple[float, int, bytes]:
    span = float(frames.seconds[-1] - frames.seconds[0])
    return span, len(frames.seconds), frames.vectors.tobytes()


def _align_shorter(short: Frames, long: Frames) -> Alignment:
    cosines = short.vectors @ long.vectors.T
    steps = (long.vectors[:-1] * long.vectors[1:]).sum(axis=1)  # cosines of neighbouring frames
    best = Alignment(-1.0, 1.0, 0.0, (0.0, 0.0), (0.0, 0.0))
    chosen = 0.0  # the score of the best, less what its speed has to gain
    for speed, gain in _list_speeds(short.seconds, long.seconds):
        offsets = _list_offsets(short.seconds * speed, long.seconds)
        times = short.seconds[None, :] * speed + offsets[:, None]
        values, covered = _interpolate(cosines, steps, long.seconds, times)
        enough = covered.sum(axis=1) >= max(1, np.ceil(MIN_COVERED * len(short.seconds)))
        with np.errstate(invalid="ignore"):
            scores = (values * covered).sum(axis=1) / np.maximum(covered.sum(axis=1), 1)
        scores = np.where(enough, scores, -1.0)
        at = int(np.argmax(scores))
        if scores[at] - gain > max(chosen, 0.0):
            chosen = float(scores[at]) - gain
            shown = np.flatnonzero(covered[at])
            first = (float(short.seconds[shown[0]]), float(short.seconds[shown[-1]]))
            second = (float(times[at, shown[0]]), float(times[at, shown[-1]]))
            best = Alignment(
                min(float(scores[at]), 1.0), speed, float(offsets[at]), first, second
            )  # fmt: skip
    return best


def _list_speeds(short: np.ndarray, long: np.ndarray) -> list[tuple[float, float]]:
    """The speeds to try, and by how much each must agree better than speed 1 to be taken."""
    same_time = _measure_length(long) / _measure_length(short)
    tried = [(1.0, 0.0), (same_time, SAME_TIME_GAIN), *((speed, GAIN) for speed in SPEEDS)]
    return tried if SPEEDS[0] <= same_time <= SPEEDS[-1] else [tried[0], *tried[2:]]


def _measure_length(seconds: np.ndarray) -> float:
    """Seconds from the first frame to the end of the last, which lasts as long as the others."""
    gap = float(np.median(np.diff(seconds))) if len(seconds) > 1 else 1.0
    return max(float(seconds[-1] - seconds[0]) + gap, 1e-3)


def _list_offsets(short: np.ndarray, long: np.ndarray) -> np.ndarray:
    """Offsets (n,) at which the shorter video lies within the longer one, 0 among them.

    They follow in steps of half a frame's distance, and reach beyond both ends by what need not be
    covered.
    """
    gaps = [np.median(np.diff(each)) for each in (short, long) if len(each) > 1]
    step = max(min(gaps) / 2, 1e-3) if gaps else 1.0
    spare = (1 - MIN_COVERED) * (short[-1] - short[0]) + step
    low, high = long[0] - short[0] - spare, long[-1] - short[-1] + spare
    if low > high:  # the speed makes the shorter one the longer
        low, high = high, low
    count = int(min(max(np.ceil((high - low) / step) + 1, 2), MAX_OFFSETS))
    return np.unique(np.append(np.linspace(low, high, count), 0.0))


def _interpolate(
    cosines: np.ndarray, steps: np.ndarray, seconds: np.ndarray, times: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Cosines (o, n) of each frame with the other video at `times` (o, n), and which are within it.

    Between two frames a, b the other video is taken to be the direction of (1 - w)·a + w·b.
    """
    row = np.arange(cosines.shape[0])[None, :]
    if len(seconds) == 1:
        return np.broadcast_to(cosines[row, 0], times.shape), np.ones(times.shape, bool)
    half = np.median(np.diff(seconds)) / 2
    covered = (times >= seconds[0] - half) & (times <= seconds[-1] + half)
    before = np.clip(np.searchsorted(seconds, times, "right") - 1, 0, len(seconds) - 2)
    gap = np.maximum(seconds[before + 1] - seconds[before], 1e-9)
    weight = np.clip((times - seconds[before]) / gap, 0.0, 1.0)
    mixed = (1 - weight) * cosines[row, before] + weight * cosines[row, before + 1]
    length = np.sqrt((1 - weight) ** 2 + weight**2 + 2 * weight * (1 - weight) * steps[before])
    return mixed / np.maximum(length, 1e-6), covered
