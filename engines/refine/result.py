"""A refined video: its files, and what the passes did to it."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from engines.refine.drift import Drift
from engines.refine.loop import Pass

DEFAULT_FPS = 25.0  # of a video whose container does not state its rate


@dataclass(frozen=True, slots=True)
class RefinedVideo:
    """A video after a number of passes.

    `lossless` is an FFV1 file of its frames rounded to bytes, which figures are measured on;
    `view` an H.264 file for players. `figures` are those of `Drift`, None where there are none.
    """

    lossless: bytes
    view: bytes
    frames: int
    fps: float
    width: int
    height: int
    stopped: int | None
    seconds: float
    figures: dict[str, float | None]


def build_result(state: Pass, fps: float | None, seconds: float) -> RefinedVideo:
    """The files and figures of a pass; `seconds` is what the passes since the last one took."""
    from engines.video.writing import HIGH_QUALITY, encode_lossless, encode_pictures

    frames, height, width = state.clip.shape[:3]
    rate = fps or DEFAULT_FPS
    lossless = encode_lossless(_to_bytes(state.clip), (height, width), rate)
    # 4:2:0 has one colour for four pixels: an odd side is a pixel longer there.
    even = height + height % 2, width + width % 2
    view = encode_pictures(_pad_each(_to_bytes(state.clip), even), even, rate, HIGH_QUALITY)
    return RefinedVideo(
        lossless, view, frames, rate, width, height, state.stopped, seconds, _list_figures(state)
    )


def _list_figures(state: Pass) -> dict[str, Any]:
    if state.drift is not None:
        return asdict(state.drift)
    empty: dict[str, Any] = dict.fromkeys(field.name for field in fields(Drift))
    return empty | {
        "flicker": state.look.flicker, "laplacian": state.look.laplacian, "laplacian_ratio": 1.0
    }  # fmt: skip


def _to_bytes(clip: np.ndarray) -> Iterator[np.ndarray]:
    """Each frame rounded to bytes: one decoded from bytes comes out as it was."""
    return ((frame * 255).round().astype(np.uint8) for frame in clip)


def _pad_each(frames: Iterator[np.ndarray], shape: tuple[int, int]) -> Iterator[np.ndarray]:
    for frame in frames:
        pads = [(0, side - length) for side, length in zip(shape, frame.shape[:2], strict=True)]
        yield np.pad(frame, [*pads, (0, 0)], mode="edge")
