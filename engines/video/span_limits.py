"""Which frames of a file are a span's, and whether the file is long enough for it."""

import math

import numpy as np

from engines.files.time_span import TimeSpan
from engines.video.frames import DecodeError

SLACK_S = 0.0005  # tables round: a frame so little before a cut is after it
END_SLACK_S = 0.5  # a span may end so much after its file: sound is often longer than pictures


def find_inside(seconds: np.ndarray, span: TimeSpan) -> np.ndarray:
    """Whether each frame (n,) is shown from the span's start on and before its end."""
    inside: np.ndarray = seconds >= span.start - SLACK_S
    if span.end is not None:
        inside &= seconds < span.end - SLACK_S
    return inside


def measure_span(span: TimeSpan, ends: float, found: bool) -> float | None:
    """The span's seconds in a file that `ends` there (inf: not known), `found` if it has a frame.

    None if unknown; a DecodeError where the file ends before the span does, or has no frame of it.
    """
    end = ends if span.end is None else span.end
    beyond = end != math.inf and end > ends + END_SLACK_S
    if beyond or (not found and span.start >= ends - SLACK_S):
        until = f"from {span.start:g} s" if span.end is None else f"{span.start:g} to {end:g} s"
        raise DecodeError(
            "rejected",
            f"its span is {until}, and its file ends at {ends:.2f} s; if start_sec and end_sec"
            " are no span of the file, ingest with --column start_sec= --column end_sec=",
        )
    if not found:
        raise DecodeError("empty", "no frame begins within its span")
    seconds = min(end, ends) - span.start
    return None if seconds == math.inf else seconds
