"""Which seconds of a retrieved clip condition a video, and their frames."""

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
from engines.video.sampling import nearest, steps

Found = np.ndarray | Failed


@dataclass(frozen=True, slots=True)
class Window:
    """A clip from `start_s` on; `key` names these seconds of these bytes at this size and rate."""

    source: Source
    start_s: float
    key: str


def window(source: Source, spec: GenerateSpec) -> Window:
    """The window of as many seconds as are generated, drawn by the seed and the clip's bytes alone.

    It lies within the clip; it starts at 0 where the clip is shorter or of unknown duration.
    """
    room = max(0.0, (source.duration or 0.0) - spec.frames / spec.fps)
    digest = hashlib.sha256(f"{spec.seed}/{source.content}".encode()).digest()
    share = int.from_bytes(digest[:8]) / 2**64
    start = math.floor(room * share * 1000) / 1000
    shape = f"{spec.frames}x{spec.width}x{spec.height}"
    return Window(source, start, f"{source.content}@{start:.3f}+{shape}/{spec.fps:g}")


@dataclass(frozen=True, slots=True)
class Look:
    """How windows are decoded: `count` frames of 1/`fps` seconds as `resize` says.

    Steps after a clip's end show its last frame, or `black`.
    """

    fps: float
    count: int
    resize: Resize
    decoder: str = "pyav"
    black: bool = False


def decoded(guard: Guard, windows: Mapping[str, Window], look: Look) -> dict[str, Found]:
    """(count, 3, height, width) uint8 RGB of each window, or why there is none."""
    asked = [
        (Video(key, one.source.uri, one.source.content), _sampling(one, look))
        for key, one in windows.items()
    ]
    found: dict[str, Found] = {}
    parts: list[Frames] = []
    for event in guard.decode_each(asked, look.resize, look.decoder):
        if isinstance(event, Failed):
            found[event.id], parts = event, []
        elif isinstance(event, Done):
            found[event.id], parts = _filled(parts, _sampling(windows[event.id], look), look), []
        else:
            parts.append(event[1])
    return found


def _sampling(one: Window, look: Look) -> Sampling:
    return Sampling(None, look.fps, start_s=one.start_s, count=look.count)


def _filled(parts: list[Frames], sampling: Sampling, look: Look) -> np.ndarray:
    """One frame for each step, out of those that the decoder gave once."""
    seconds, due = np.concatenate([part.seconds for part in parts]), steps(sampling)
    pixels = np.concatenate([part.pixels for part in parts])[nearest(seconds, due)]
    if look.black:
        pixels[due > seconds[-1] + 0.5 / look.fps] = 0
    return pixels
