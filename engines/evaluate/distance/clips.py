"""Clips as networks take them: which frames, and how they are resized."""

from typing import TYPE_CHECKING

import numpy as np

from data.errors import UserError
from data.specs.distance import ClipSpec
from engines.video.frames import Frames, Resize, Sampling
from engines.video.resize import scaled
from engines.video.sampling import nearest, steps

if TYPE_CHECKING:
    from torch import Tensor

LATE = 0.75  # of a frame: a clip whose last frame is earlier than it should be by more is short


def window(spec: ClipSpec, fps: float, start: int) -> Sampling:
    """The frames of a clip that begins with frame `start` of a video of `fps` frames a second.

    Where the spec has a rate of its own, `start` counts frames of that rate.
    """
    rate = spec.fps or fps
    return Sampling(every_nth=None, fps=rate / spec.stride, start_s=start / rate, count=spec.frames)


def starts(spec: ClipSpec, fps: float, seconds: float) -> int:
    """At how many frames of a video that lasts so long a clip could begin; 0 where it is short."""
    return max(0, round(seconds * (spec.fps or fps)) - spec.span + 1)


def assembled(parts: list[Frames], asked: Sampling, fps: float) -> np.ndarray | None:
    """(frames, height, width, 3) bytes of a clip; None where its video ended before it did.

    A frame that is nearest to two steps, as where times are irregular, is in it twice.
    """
    seconds, wanted = np.concatenate([part.seconds for part in parts]), steps(asked)
    if seconds[-1] < wanted[-1] - LATE / fps:
        return None
    pixels = np.concatenate([part.pixels for part in parts])
    return np.ascontiguousarray(pixels[nearest(seconds, wanted)].transpose(0, 2, 3, 1))


def resized(clip: np.ndarray, size: int, spec: ClipSpec) -> "Tensor":
    """(1, 3, frames, size, size) float32, 0 to 255, of (frames, height, width, 3) bytes.

    Bilinear between centres of pixels, on floats, with or without `antialias`, as the spec says;
    frames that have the size already are left as they are.
    """
    import torch

    if clip.ndim != 4 or clip.shape[3] != 3 or clip.dtype != np.uint8:
        raise UserError(f"clips are (frames, height, width, 3) bytes, not {clip.shape}")
    pictures = torch.from_numpy(clip).permute(0, 3, 1, 2).float()
    tall, wide = clip.shape[1:3]
    shape = Resize(size, "squash" if spec.resize == "direct" else "shortest")
    height, width = scaled(tall, wide, shape)
    if (height, width) != (tall, wide):
        pictures = torch.nn.functional.interpolate(
            pictures, (height, width), mode="bilinear", antialias=spec.antialias,
            align_corners=False,
        )  # fmt: skip
    top, left = round((height - size) / 2), round((width - size) / 2)
    cropped = pictures[..., top : top + size, left : left + size]
    return cropped.transpose(0, 1)[None].contiguous()


def rule(spec: ClipSpec) -> str:
    """How clips are resized, for the record."""
    how = "directly" if spec.resize == "direct" else "by the short side, centre cropped"
    return f"bilinear, {how}, antialias {'on' if spec.antialias else 'off'}, half-pixel centres"
