"""From the cuts of a video to the spans of its shots."""

import math
from collections.abc import Iterable
from itertools import pairwise

from data.specs.split import SplitSpec

Span = tuple[float, float]  # seconds from the video's start


def build_spans(cuts: Iterable[float], duration: float, spec: SplitSpec) -> list[Span]:
    """The shots between cuts, none shorter than the least length nor longer than the greatest.

    A video shorter than the least length is one shot.
    """
    bounds = [0.0]
    for cut in sorted(cuts):
        if cut - bounds[-1] >= spec.least and cut < duration:
            bounds.append(cut)
    if len(bounds) > 1 and duration - bounds[-1] < spec.least:
        bounds.pop()
    bounds.append(duration)
    return [part for shot in pairwise(bounds) for part in _cut_long(shot, spec.greatest)]


def _cut_long(shot: Span, greatest: float) -> Iterable[Span]:
    start, end = shot
    # A fixed window may be longer by what was too short behind it, or by an error of rounding.
    count = max(1, math.ceil((end - start) / greatest - 1e-6))
    step = (end - start) / count
    return [(start + n * step, start + (n + 1) * step) for n in range(count)]
