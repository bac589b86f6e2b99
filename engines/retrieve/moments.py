"""Cuts the score curve of a video into moments: spans of time that match a query."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

LOW = 0.1  # the curve's background: this quantile, whatever little of the video matches
FLAT = 5.0  # times the noise: a curve that varies no more has no parts, and is one moment
LONE = 1.0  # seconds that the only frame of a video of unknown length stands for
SEPARATE = (
    0.85  # share of variance between two levels; even noise (0.75) and a normal one have less
)


@dataclass(frozen=True, slots=True)
class Moment:
    """The frames `first` to `last` (inclusive) of a video, in seconds, and their mean score."""

    first: int
    last: int
    start: float
    end: float
    score: float


def cut_moments(
    seconds: np.ndarray,
    scores: np.ndarray,
    *,
    smooth_s: float,
    share: float,
    duration: float | None = None,
) -> list[Moment]:
    """The moments of a curve, in the order of time; they never overlap.

    `scores` (n,) are of frames at `seconds` (n,), ascending. The curve is smoothed by a running
    median of `smooth_s` seconds, and cut where it is `share` of the way from its background to its
    peak. A span in which two levels are plainly apart is cut once more, between these (Otsu 1979).
    """
    if not len(scores):
        return []
    curve = smooth_curve(seconds, scores, smooth_s)
    edges = _find_edges(seconds, duration)
    noise = _estimate_noise(scores)
    low, peak = float(np.quantile(curve, LOW)), float(curve.max())
    spans = [(0, len(curve))]
    if peak - low > FLAT * noise:
        spans = _list_runs(curve >= low + share * (peak - low))
    return [
        Moment(first, end - 1, float(edges[first]), float(edges[end]),
               float(scores[first:end].mean()))
        for span in spans
        for first, end in _split_levels(curve, span, FLAT * noise)
    ]  # fmt: skip


def smooth_curve(seconds: np.ndarray, scores: np.ndarray, smooth_s: float) -> np.ndarray:
    """The running median (n,) over `smooth_s` seconds, an odd number of frames and 3 at least.

    A median, since a mean would blur where a moment begins.
    """
    if len(scores) < 3:
        return scores
    spacing = float(np.median(np.diff(seconds))) or smooth_s
    half = max(1, int(smooth_s / spacing) // 2)
    half = min(half, (len(scores) - 1) // 2)
    padded = np.pad(scores, half, mode="edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1), axis=1)


def _find_edges(seconds: np.ndarray, duration: float | None) -> np.ndarray:
    """Where the n frames begin and end (n + 1): half-way to their neighbours."""
    between = (seconds[:-1] + seconds[1:]) / 2
    tail = (seconds[-1] - seconds[0]) / (2 * (len(seconds) - 1)) if len(seconds) > 1 else LONE / 2
    end = seconds[-1] + tail
    if duration is not None and duration > seconds[-1]:
        end = duration if duration < end or len(seconds) == 1 else min(duration, end + tail)
    return np.concatenate([[min(0.0, seconds[0])], between, [end]])


def _estimate_noise(scores: np.ndarray) -> float:
    """The standard deviation of a frame's score about its scene's, from steps between frames.

    By their median, so that the few steps from scene to scene do not count.
    """
    if len(scores) < 2:
        return 0.0
    return float(np.median(np.abs(np.diff(scores)))) / 0.6745 / np.sqrt(2)


def _list_runs(inside: np.ndarray) -> list[tuple[int, int]]:
    """Where the runs of True begin and end."""
    steps = np.flatnonzero(np.diff(inside.astype(np.int8), prepend=0, append=0))
    return [(int(first), int(end)) for first, end in steps.reshape(-1, 2)]


def _split_levels(curve: np.ndarray, span: tuple[int, int], least: float) -> list[tuple[int, int]]:
    """The span, or its parts where the curve has two levels at least `least` apart."""
    part = curve[slice(*span)]
    cut = _find_otsu(part)
    if cut is None:
        return [span]
    upper = part >= cut
    gap = part[upper].mean() - part[~upper].mean()
    if gap <= least or gap**2 * upper.mean() * (1 - upper.mean()) < SEPARATE * part.var():
        return [span]
    bounds = [0, *(np.flatnonzero(np.diff(upper)) + 1), len(part)]
    return [
        piece
        for first, end in pairwise(bounds)
        for piece in _split_levels(curve, (span[0] + int(first), span[0] + int(end)), least)
    ]


def _find_otsu(values: np.ndarray) -> float | None:
    """The lowest value of the upper of two classes that differ most; None for equal values."""
    ordered = np.sort(values.astype(np.float64))
    if len(ordered) < 2 or ordered[0] == ordered[-1]:
        return None
    below = np.arange(1, len(ordered))
    sums = np.cumsum(ordered)
    gaps = (sums[-1] - sums[:-1]) / (len(ordered) - below) - sums[:-1] / below
    between = np.where(np.diff(ordered) > 0, below * (len(ordered) - below) * gaps**2, -1.0)
    return float(ordered[int(np.argmax(between)) + 1])
