"""A span of a video file, in its address: `a.mp4#t=12.5,20` is its seconds 12.5 to 20.

The notation is that of W3C Media Fragments 1.0 (npt seconds), which browsers play. Whoever opens
the bytes of such an address gets the whole file; whoever decodes it, a video of its own.
"""

import math
import re
from dataclasses import dataclass

from engines.files.values import NotText

_SPAN = re.compile(r"(.+)#t=(\d+(?:\.\d+)?)(?:,(\d+(?:\.\d+)?))?", re.DOTALL)
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d+)?)")
DECIMALS = 6  # of a second: a cut between two frames stays between them


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """Seconds of a file, from its first frame on; without an `end` to the end of the file."""

    start: float
    end: float | None

    def __str__(self) -> str:
        end = "" if self.end is None else f",{_format_seconds(self.end)}"
        return f"#t={_format_seconds(self.start)}{end}"


def split_span(uri: str) -> tuple[str, TimeSpan | None]:
    """The address of the file, and the span of it that a URI names, if it does."""
    match = _SPAN.fullmatch(uri)
    if not match:
        return uri, None
    start, end = float(match[2]), None if match[3] is None else float(match[3])
    # Backwards it is no span: then it is the name of a file, which will be missing.
    return (match[1], TimeSpan(start, end)) if end is None or start < end else (uri, None)


def strip_span(uri: str) -> str:
    """The address of the file that a URI names, or names a span of."""
    return split_span(uri)[0]


def add_span(uri: str, span: TimeSpan | None) -> str:
    """The URI of a span of the file."""
    return uri if span is None else f"{uri}{span}"


def narrow_span(uri: str, start: float, end: float) -> str:
    """The URI of the seconds from `start` to `end` of a video, which may be a span itself."""
    file, whole = split_span(uri)
    first = whole.start if whole else 0.0
    last = first + end
    if whole and whole.end is not None:
        last = min(last, whole.end)
    return add_span(file, TimeSpan(round(first + start, DECIMALS), round(last, DECIMALS)))


def read_span(start: object, end: object) -> TimeSpan | None:
    """The span that a row's `start_sec` and `end_sec` state; None where both are empty.

    NotText says what is wrong with one that has no length, or is not in seconds.
    """
    first, last = _read_seconds(start, "start_sec"), _read_seconds(end, "end_sec")
    if first is None and last is None:
        return None
    span = TimeSpan(first or 0.0, last)
    if last is not None and not span.start < last:
        raise NotText(f"start_sec is {span.start:g} and end_sec {last:g}: it has to end later")
    return None if span == TimeSpan(0.0, None) else span


def _read_seconds(value: object, name: str) -> float | None:
    """A number of seconds, also as text or as `1:02:03.5`."""
    if value is None or value == "":
        return None
    text = str(value).strip()
    try:
        clock = _CLOCK.fullmatch(text)
        seconds = (
            float(text)
            if not clock
            else float(int(clock[1] or 0) * 3600 + int(clock[2]) * 60 + float(clock[3]))
        )
    except ValueError as error:
        raise NotText(f"{name} is {text[:40]!r} instead of seconds") from error
    if math.isnan(seconds):  # a missing value in a column of numbers
        return None
    if not 0 <= seconds < math.inf:
        raise NotText(f"{name} is {text[:40]} seconds")
    return round(seconds, DECIMALS)


def _format_seconds(seconds: float) -> str:
    return f"{seconds:.{DECIMALS}f}".rstrip("0").rstrip(".")
