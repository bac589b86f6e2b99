"""A decoder without files: `fake://name?frames=8&fault=hang` rehearses a corpus and its faults."""

import hashlib
import os
import time
from collections.abc import Generator
from urllib.parse import parse_qs, urlsplit

import numpy as np

from data.outcome import REASONS
from data.records import Probe
from engines.video.container import Reading
from engines.video.frames import DecodeError, Frames, Resize, Sampling
from engines.video.guard.heartbeat import beat
from engines.video.sampling import kept

FRAMES, FPS, SIDE = 50, 25.0, 64


def frames(
    uri: str, sampling: Sampling, resize: Resize | None, chunk: int = 32
) -> Generator[Frames, None, Reading]:
    """Frames whose colours follow from the uri alone.

    Of the query, `frames` (50) and `fps` (25) shape the video, `seconds` makes it slow to decode,
    and `fault` (`hang`, `exit`, `raise` or a reason) strikes after the first `at` frames (0).
    """
    asked = _asked(uri)
    fps = float(asked.get("fps", FPS))
    seconds = np.arange(int(asked.get("frames", FRAMES))) / fps
    _wait(float(asked.get("seconds", 0.0)))
    if not len(seconds):
        raise DecodeError("empty", "no frames")
    index = kept(seconds, sampling)
    whole = index[: int(asked.get("at", 0))] if "fault" in asked else index
    shape = resize.shape if resize else (SIDE, SIDE)
    for start in range(0, len(whole), chunk):
        part = whole[start : start + chunk]
        yield Frames(part.astype(np.int64), seconds[part], _pixels(uri, part, shape))
    strike(asked.get("fault"))
    return Reading(fps=fps)


def probed(uri: str, size: int, content: str) -> Probe:
    """What a probe of this uri says; no fault strikes before decoding."""
    asked = _asked(uri)
    fps = float(asked.get("fps", FPS))
    seconds = int(asked.get("frames", FRAMES)) / fps
    return Probe(size, content, seconds, fps, SIDE, SIDE, "fake", 0)


def _wait(seconds: float) -> None:
    """Slow, but alive."""
    due = time.monotonic() + seconds
    while (left := due - time.monotonic()) > 0:
        beat()
        time.sleep(min(left, 0.1))


def _asked(uri: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(urlsplit(uri).query).items()}


def _pixels(uri: str, index: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """One plain colour a frame: writing it costs no more than clearing the memory."""
    digest = hashlib.sha256(uri.split("?")[0].encode("utf-8", "surrogatepass")).digest()
    first = np.frombuffer(digest, np.uint8, 3)
    colours = (first[None, :] + 7 * index[:, None]).astype(np.uint8)
    return np.broadcast_to(colours[:, :, None, None], (len(index), 3, *shape)).copy()


def strike(fault: str | None) -> None:
    """Fails in the way asked for; no fault, no effect."""
    if fault is None:
        return
    if fault in REASONS:
        raise DecodeError(fault, f"a rehearsed fault: {fault}")
    if fault == "hang":
        while True:
            time.sleep(3600)
    if fault == "exit":
        os._exit(3)
    raise RuntimeError(f"a rehearsed programming error: {fault}")
