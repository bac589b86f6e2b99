"""A decoder without files: `fake://name?frames=8&fault=hang` rehearses a corpus and its faults."""

import hashlib
import os
import time
from collections.abc import Generator
from urllib.parse import parse_qs, urlsplit

import numpy as np

from data.outcome import REASONS
from data.records import Probe
from engines.files.access import STRICT, UrlPolicy
from engines.files.time_span import split_span, strip_span
from engines.video.frames import DecodeError, Frames, ReadStats, Resize, Sampling
from engines.video.guard.heartbeat import send_heartbeat
from engines.video.sampling import select_frames
from engines.video.span_limits import find_inside, measure_span

FRAMES, FPS, SIDE = 50, 25.0, 64
GROUP = 12  # frames from one keyframe to the next


def decode_frames(
    uri: str,
    sampling: Sampling,
    resize: Resize | None,
    chunk: int = 32,
    policy: UrlPolicy = STRICT,
) -> Generator[Frames, None, ReadStats]:
    """Frames whose colours follow from the URI alone.

    In its query, `frames` (50) and `fps` (25) shape the video, `seconds` makes it slow to decode,
    and `fault` (`hang`, `exit`, `raise` or a reason) strikes after the first `at` frames (0).
    """
    query, span = _parse_query(uri), split_span(uri)[1]
    fps = float(query.get("fps", FPS))
    seconds = np.arange(int(query.get("frames", FRAMES))) / fps
    first = 0
    if span is not None:
        inside = np.flatnonzero(find_inside(seconds, span))
        measure_span(span, len(seconds) / fps, bool(len(inside)))
        first, seconds = int(inside[0]), seconds[inside] - seconds[inside[0]]
    _wait_alive(float(query.get("seconds", 0.0)))
    if not len(seconds):
        raise DecodeError("empty", "no frames")
    index = select_frames(seconds, sampling, np.arange(len(seconds)) % GROUP == 0)
    # Frames before the fault are given: real files break in the middle too.
    intact = index[: int(query.get("at", 0))] if "fault" in query else index
    shape = resize.shape if resize else (SIDE, SIDE)
    for start in range(0, len(intact), chunk):
        part = intact[start : start + chunk]
        yield Frames(part.astype(np.int64), seconds[part], _paint_frames(uri, first + part, shape))
    trigger_fault(query.get("fault"))
    return ReadStats(fps=fps)


def probe_fake(uri: str, size: int, content: str) -> Probe:
    """The probe of a fake URI; no fault strikes before decoding."""
    query = _parse_query(uri)
    fps = float(query.get("fps", FPS))
    seconds = int(query.get("frames", FRAMES)) / fps
    if (span := split_span(uri)[1]) is not None:
        seconds = measure_span(span, seconds, span.start < seconds) or 0.0
    return Probe(size, content, seconds, fps, SIDE, SIDE, "fake", 0)


def _wait_alive(seconds: float) -> None:
    """Waits, sending heartbeats: slow, but not hanging."""
    due = time.monotonic() + seconds
    while (left := due - time.monotonic()) > 0:
        send_heartbeat()
        time.sleep(min(left, 0.1))


def _parse_query(uri: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(urlsplit(uri).query).items()}


def _paint_frames(uri: str, index: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """One plain colour a frame: writing it costs no more than clearing the memory."""
    # Without the query: the same video decodes the same with and without a fault.
    digest = hashlib.sha256(strip_span(uri).split("?")[0].encode("utf-8", "surrogatepass")).digest()
    first = np.frombuffer(digest, np.uint8, 3)
    colours = (first[None, :] + 7 * index[:, None]).astype(np.uint8)
    return np.broadcast_to(colours[:, :, None, None], (len(index), 3, *shape)).copy()


def trigger_fault(fault: str | None) -> None:
    """Fails in the given way; None does nothing."""
    if fault is None:
        return
    if fault in REASONS:
        raise DecodeError(fault, f"a rehearsed fault: {fault}")
    if fault == "hang":
        while True:
            time.sleep(3600)
    if fault == "exit":
        # Not sys.exit: a crashing decoder runs no handlers and flushes nothing.
        os._exit(3)
    raise RuntimeError(f"a rehearsed programming error: {fault}")
