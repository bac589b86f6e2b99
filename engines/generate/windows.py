"""Draws the window of a retrieved clip that conditions a video, and decodes its frames."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from data.outcome import Done, Failed
from data.records import Source, Video
from data.specs.pipeline import GenerateSpec
from engines.video.frames import Frames, Resize, Sampling
from engines.video.guard.guard import Guard
from engines.video.sampling import compute_steps, find_nearest

ArrayOrFailed = np.ndarray | Failed


@dataclass(frozen=True, slots=True)
class Window:
    """A clip from `start_s` on; `key` identifies these seconds of these bytes, size and rate.

    Its frames are taken at `speed` times the generated video's rate.
    """

    source: Source
    start_s: float
    key: str
    speed: float = 1.0


def draw_window(source: Source, spec: GenerateSpec, centred: bool = False) -> Window:
    """A window as long as the generated video, drawn by the seed and the clip's bytes alone.

    A `centred` one is in the middle.

    It lies within the clip, or the moment of it that was retrieved. It starts at 0 if the clip is
    shorter or of unknown duration; a shorter moment is in its middle, as far as the clip goes.
    """
    speed = compute_speed(source, spec)
    fps = spec.fps * speed
    low, room = _find_room(source, spec.frames / fps)
    # By content, not by prompt or rank: every request then shares one decoded window of a clip.
    digest = hashlib.sha256(f"{spec.seed}/{source.content}".encode()).digest()
    share = int.from_bytes(digest[:8]) / 2**64
    # Whole milliseconds, so that the key, which has three decimals, names exactly this start.
    start = math.floor((low + room * share) * 1000) / 1000
    if centred:
        start = round(low + room / 2, 3)
    shape = f"{spec.frames}x{spec.width}x{spec.height}"
    return Window(source, start, f"{source.content}@{start:.3f}+{shape}/{fps:g}", speed)


def _find_room(source: Source, length: float) -> tuple[float, float]:
    """The first second at which a window of a source may start, and how much later it may."""
    whole = max(0.0, (source.duration or 0.0) - length)
    if source.start_sec is None or source.end_sec is None:
        return 0.0, whole
    room = source.end_sec - source.start_sec - length
    if room >= 0:
        return source.start_sec, room
    return min(max(0.0, source.start_sec + room / 2), whole), 0.0


def compute_speed(source: Source, spec: GenerateSpec) -> float:
    """The rate at which a clip's frames are taken, as a share of the generated video's.

    1, or with `frame_stride` that of every n-th frame of the clip, with n = round(fps of the clip /
    fps of the video) and at least 1, as RAGME takes them (ragme.md, sections 2.7 and 3.7).
    """
    if "frame_stride" not in spec.rag.compat or not source.fps:
        return 1.0
    return source.fps / max(1, round(source.fps / spec.fps)) / spec.fps


@dataclass(frozen=True, slots=True)
class WindowFormat:
    """How windows are decoded: `count` frames of 1/`fps` seconds, resized by `resize`.

    Steps after a clip's end show its last frame, or are black if `black` is set.
    """

    fps: float
    count: int
    resize: Resize
    decoder: str = "pyav"
    black: bool = False


def decode_windows(
    guard: Guard, windows: Mapping[str, Window], form: WindowFormat
) -> dict[str, ArrayOrFailed]:
    """(count, 3, height, width) uint8 RGB of each window, or why it could not be decoded."""
    # Windows' keys stand in for video ids, so that outcomes come back under them.
    requests = [
        (Video(key, window.source.uri, window.source.content), _build_sampling(window, form))
        for key, window in windows.items()
    ]
    decoded: dict[str, ArrayOrFailed] = {}
    parts: list[Frames] = []
    for event in guard.decode_each(requests, form.resize, form.decoder):
        if isinstance(event, Failed):
            decoded[event.id], parts = event, []
        elif isinstance(event, Done):
            sampling = _build_sampling(windows[event.id], form)
            decoded[event.id], parts = _fill_steps(parts, sampling, form), []
        else:
            parts.append(event[1])
    return decoded


def _build_sampling(window: Window, form: WindowFormat) -> Sampling:
    return Sampling(None, form.fps * window.speed, start_s=window.start_s, count=form.count)


def _fill_steps(parts: list[Frames], sampling: Sampling, form: WindowFormat) -> np.ndarray:
    """One frame per step, repeating frames, which the decoder gives only once each."""
    seconds, due = np.concatenate([part.seconds for part in parts]), compute_steps(sampling)
    pixels = np.concatenate([part.pixels for part in parts])[find_nearest(seconds, due)]
    if form.black:
        # A step up to half a period after the last frame still shows that frame.
        pixels[due > seconds[-1] + 0.5 / (sampling.fps or form.fps)] = 0
    return pixels
