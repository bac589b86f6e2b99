"""Windows of the greatest length, one after the other; no frame is decoded."""

import math

from data.specs.split import SplitSpec
from engines.video.frames import Frames, Resize

VERSION = "1"
RESIZE: Resize | None = None


def digest() -> str:
    """There are no weights."""
    return ""


class Detector:
    """Windows of any video whose duration is known."""

    def __init__(self, spec: SplitSpec) -> None:
        self._step = spec.greatest

    def load(self) -> None:
        """Nothing to load."""

    def open_scan(self, duration: float | None) -> "Windows":
        """The windows of a video."""
        return Windows(self._step, duration or 0.0)


class Windows:
    """The starts of windows, but the first."""

    def __init__(self, step: float, duration: float) -> None:
        self._cuts = [step * n for n in range(1, math.ceil(duration / step))]

    def add(self, frames: Frames) -> None:
        """No frame matters."""

    def find_cuts(self) -> list[float]:
        """The seconds at which windows begin."""
        return self._cuts
