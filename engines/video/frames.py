"""The request to a decoder (Sampling, Resize) and its result (Frames)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from data.specs.pipeline import MAX_DAMAGED
from engines.files.access import STRICT, UrlPolicy


@dataclass(frozen=True, slots=True)
class Sampling:
    """Which frames to keep: 0, n, 2n, … (`every_nth`), or the nearest to each k/`fps` seconds.

    Or `keyframes`, as the encoder marked them, or those in the middle of so many equal `parts`.
    Exactly one of the four is set. `max_frames` and `max_bytes` (of pixels) bound what one video
    may give; more is `too_long`. With `first`, only so many frames, and nothing after is read.
    With `count`, a window: the nearest to each of `count` steps of 1/`fps` seconds from `start_s`
    on, the last frame for steps after it; each frame once, however many steps it is nearest to.
    A video that is read to its end may have a share of at most `max_damaged` packets that do not
    decode; more is `undecodable`.
    """

    every_nth: int | None = 25
    fps: float | None = None
    max_frames: int | None = None
    max_bytes: int | None = None
    first: int | None = None
    start_s: float = 0.0
    count: int | None = None
    max_damaged: float = MAX_DAMAGED
    keyframes: bool = False
    parts: int | None = None


@dataclass(frozen=True, slots=True)
class Resize:
    """The picture that a model expects: RGB, `size` high and `width` wide (None: square).

    `shortest` scales until both sides are covered and crops the centre, `squash` ignores the aspect
    ratio, `longest` scales until both sides fit and pads with `fill`; as open_clip's `resize_mode`.
    """

    size: int = 224
    mode: Literal["shortest", "squash", "longest"] = "shortest"
    interpolation: Literal["bicubic", "bilinear"] = "bicubic"
    fill: int = 0  # black, as open_clip pads
    width: int | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.size, self.width or self.size


@dataclass(frozen=True, slots=True)
class Frames:
    """A run of sampled frames of one video, in order of time.

    `index` (n,) int64 counts all frames of the stream in display order from 0; `seconds` (n,)
    float64 is the time since the first frame; `pixels` (n, 3, height, width) uint8 RGB. Blocks of
    sound travel likewise, as (1, samples) int16.
    """

    index: np.ndarray
    seconds: np.ndarray
    # Channels first, as models take them: no stage has to copy to transpose.
    pixels: np.ndarray


@dataclass(frozen=True, slots=True)
class ReadStats:
    """Reading one video: seconds spent waiting for bytes, its duration, its frames a second.

    `damaged` packets gave no frame.
    """

    read_s: float = 0.0
    duration: float | None = None
    fps: float | None = None
    damaged: int = 0


class DecodeError(Exception):
    """A fault of the file: `reason` as in data.outcome, the text for a person to read."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason  # a receipt stores it, so it must be one of the closed list


class Decoder(Protocol):
    """A module in `decoders/`; it may also have `warm_up(resize)`, which imports what it needs."""

    def decode_frames(
        self,
        uri: str,
        sampling: Sampling,
        resize: Resize | None,
        chunk: int = 32,
        policy: UrlPolicy = STRICT,
    ) -> Iterator[Frames]:
        """The sampled frames in runs of at most `chunk`, never a whole long video at once.

        Without `resize` pictures have the video's own size. A DecodeError where the file is at
        fault. A generator may return a `ReadStats` at its end.
        """
        ...
