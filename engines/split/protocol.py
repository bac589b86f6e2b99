"""What a method of finding cuts has, for the engine that decodes for it."""

from typing import Protocol

from data.specs.split import SplitSpec
from engines.video.frames import Frames


class Scan(Protocol):
    """One video, of which frames come in order."""

    def add(self, frames: Frames) -> None:
        """Looks at the next frames."""
        ...

    def find_cuts(self) -> list[float]:
        """The seconds of the first frames of shots, but the first shot; after all frames."""
        ...


class Detector(Protocol):
    """The class `Detector(spec)` of a plugin in `engines/split/methods`.

    A plugin also has a `VERSION`, `RESIZE` (the pictures it looks at; None where it looks at none,
    and is given no frames) and `digest()` of its weights ("" without any).
    """

    def __init__(self, spec: SplitSpec) -> None: ...

    def load(self) -> None:
        """Loads a model, where it has one."""
        ...

    def open_scan(self, duration: float | None) -> Scan:
        """Begins with a video of so many seconds."""
        ...
