"""Clips for feature extractors: which frames they consist of and how they are resized."""

from typing import TYPE_CHECKING

import numpy as np

from data.errors import UserError
from data.specs.distance import ClipSpec
from engines.video.frames import Frames, Resize, Sampling
from engines.video.resize import compute_scaled_size
from engines.video.sampling import compute_steps, find_nearest

if TYPE_CHECKING:
    from torch import Tensor

LATENESS = 0.75  # frames by which a clip's last frame may come too early before it is short


def plan_sampling(spec: ClipSpec, fps: float, start: int) -> Sampling:
    """The frames of a clip that starts at frame `start` of a video with `fps` frames per second.

    If the spec has a frame rate of its own, `start` counts frames at that rate.
    """
    rate = spec.fps or fps
    return Sampling(every_nth=None, fps=rate / spec.stride, start_s=start / rate, count=spec.frames)


def count_starts(spec: ClipSpec, fps: float, seconds: float) -> int:
    """The number of frames at which a clip could start in a video; 0 if the video is too short."""
    return max(0, round(seconds * (spec.fps or fps)) - spec.span + 1)


def assemble_clip(parts: list[Frames], sampling: Sampling, fps: float) -> np.ndarray | None:
    """(frames, height, width, 3) bytes of a clip; None if the video ends before the clip does.

    At irregular frame times, a frame that is nearest to two steps is used twice.
    """
    seconds, steps = np.concatenate([part.seconds for part in parts]), compute_steps(sampling)
    if seconds[-1] < steps[-1] - LATENESS / fps:
        return None
    pixels = np.concatenate([part.pixels for part in parts])
    return np.ascontiguousarray(pixels[find_nearest(seconds, steps)].transpose(0, 2, 3, 1))


def resize_clip(clip: np.ndarray, size: int, spec: ClipSpec) -> "Tensor":
    """(1, 3, frames, size, size) float32, 0 to 255, from (frames, height, width, 3) bytes.

    Bilinear on floats with half-pixel centres; the spec chooses `antialias` and the aspect.
    """
    import torch

    if clip.ndim != 4 or clip.shape[3] != 3 or clip.dtype != np.uint8:
        raise UserError(f"clips must be (frames, height, width, 3) bytes, not {clip.shape}")
    pictures = torch.from_numpy(clip).permute(0, 3, 1, 2).float()
    tall, wide = clip.shape[1:3]
    shape = Resize(size, "squash" if spec.resize == "direct" else "shortest")
    height, width = compute_scaled_size(tall, wide, shape)
    # Frames of the right size keep their exact values.
    if (height, width) != (tall, wide):
        pictures = torch.nn.functional.interpolate(
            pictures, (height, width), mode="bilinear", antialias=spec.antialias,
            align_corners=False,
        )  # fmt: skip
    top, left = round((height - size) / 2), round((width - size) / 2)
    cropped = pictures[..., top : top + size, left : left + size]
    # A transpose to (C, T, H, W): a reshape would run as well, and mix frames with channels.
    return cropped.transpose(0, 1)[None].contiguous()


def describe_resize(spec: ClipSpec) -> str:
    """A text on how clips are resized, for the result's protocol."""
    how = "directly" if spec.resize == "direct" else "by the short side, centre cropped"
    return f"bilinear, {how}, antialias {'on' if spec.antialias else 'off'}, half-pixel centres"
