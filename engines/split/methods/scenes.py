"""PySceneDetect's adaptive detector: a frame that differs more than its neighbours do."""

from collections.abc import Iterator
from importlib import metadata
from typing import TYPE_CHECKING

import numpy as np

from data.specs.split import SplitSpec
from engines.video.frames import Frames, Resize

if TYPE_CHECKING:
    from scenedetect import AdaptiveDetector

VERSION = f"scenedetect {metadata.version('scenedetect-headless')}"
RESIZE: Resize | None = Resize(144, "squash", "bilinear", width=256)
THRESHOLD = 3.0  # PySceneDetect's own: by how much a frame differs more than those around it
FPS = 25.0  # frames are counted, not timed, so that any rate serves


def digest() -> str:
    """There are no weights."""
    return ""


class Detector:
    """Finds hard cuts; of a dissolve, no frame differs much from the one before."""

    def __init__(self, spec: SplitSpec) -> None:
        self._threshold = spec.threshold or THRESHOLD

    def load(self) -> None:
        """Imports the library."""
        import scenedetect  # noqa: F401

    def open_scan(self, duration: float | None) -> "SceneScan":
        """Begins with a video."""
        from scenedetect import AdaptiveDetector

        # Lengths are the engine's to keep: the detector must not swallow cuts by its own rule.
        return SceneScan(AdaptiveDetector(self._threshold, min_scene_len=0))


class SceneScan:
    """The cuts found so far, in seconds; the detector is a few frames behind."""

    def __init__(self, detector: "AdaptiveDetector") -> None:
        self._detector, self._count = detector, 0
        self._seconds: dict[int, float] = {}
        self._cuts: list[float] = []

    def add(self, frames: Frames) -> None:
        """Looks at the next frames."""
        from scenedetect import FrameTimecode

        for seconds, picture in zip(frames.seconds.tolist(), _to_bgr(frames), strict=True):
            self._seconds[self._count] = seconds
            found = self._detector.process_frame(FrameTimecode(self._count, FPS), picture)
            self._cuts += [self._seconds[each.frame_num] for each in found]
            self._seconds.pop(self._count - self._detector.event_buffer_length - 1, None)
            self._count += 1

    def find_cuts(self) -> list[float]:
        """The seconds of the first frames after cuts."""
        return self._cuts


def _to_bgr(frames: Frames) -> Iterator[np.ndarray]:
    for picture in frames.pixels:
        yield np.ascontiguousarray(picture[::-1].transpose(1, 2, 0))
