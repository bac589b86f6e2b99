"""The ground truth of a video whose real continuation is known: its frames."""

import numpy as np

from data.outcome import Failed
from data.records import Source
from engines.evaluate.benchmarks.msrvtt_personalization.ground_truth import PromptReference
from engines.evaluate.protocol import MissingReference
from engines.evaluate.vision.registry import ModelRegistry
from engines.generate.windows import Window, WindowFormat, decode_windows
from engines.video.frames import Resize
from engines.video.guard.guard import Guard


class RealVideo(PromptReference):
    """The frames of the real clip, decoded when a metric asks for them."""

    def __init__(
        self, uri: str, prompt: str | None, models: ModelRegistry, guard: Guard, form: WindowFormat
    ) -> None:
        super().__init__(prompt, models)
        self._uri, self._guard, self._form = uri, guard, form
        self._frames: np.ndarray | Failed | None = None

    def video_frames(self) -> np.ndarray:
        # Once for all metrics, and not at all where none of them compares.
        if self._frames is None:
            window = Window(Source(0, "real", "", 0.0, self._uri), 0.0, "real")
            self._frames = decode_windows(self._guard, {"real": window}, self._form)["real"]
        if isinstance(self._frames, Failed):
            raise MissingReference(f"the real video cannot be read: {self._frames.detail}")
        return np.ascontiguousarray(self._frames.transpose(0, 2, 3, 1))


def build_format(frames: np.ndarray, fps: float) -> WindowFormat:
    """How a real clip is decoded: as many frames as the video (n, H, W, 3), at its size and rate.

    Frames are scaled to cover the size and cropped, as first frames are.
    """
    count, height, width = frames.shape[:3]
    return WindowFormat(fps, count, Resize(height, width=width))
