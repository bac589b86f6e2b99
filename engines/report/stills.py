"""Some frames of videos as small pictures."""

import time
from collections.abc import Mapping

import numpy as np

from data.outcome import Done, Failed
from data.records import Video
from data.settings import Settings
from engines.report.mosaic import WELL
from engines.video.frames import Sampling
from engines.video.guard.guard import Guard

Asked = Mapping[str, tuple[str, Sampling]]  # where a video lies, and which frames of it
Found = dict[str, list[np.ndarray | None]]


def stills(
    asked: Asked, shape: tuple[int, int], settings: Settings, within_s: float | None = None
) -> Found:
    """Frames (height, width, 3) of each video, whole, on a plain ground.

    There are none of what cannot be read, nor of what is not through in the seconds allowed.
    """
    found: Found = {key: [] for key in asked}
    videos = [(Video(key, uri, ""), sampling) for key, (uri, sampling) in asked.items()]
    due, deadline_s = None, settings.decode_deadline_s
    if within_s is not None:
        due, deadline_s = time.monotonic() + within_s, min(within_s, deadline_s)
    with Guard(1, deadline_s, settings.decoder_memory_gb) as guard:
        for event in guard.decode_each(videos, None):
            if not isinstance(event, Done | Failed):
                found[event[0].id] += [_small(each, shape) for each in event[1].pixels]
            if due is not None and time.monotonic() > due:
                break
    return found


def _small(pixels: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """(3, H, W) as (height, width, 3)."""
    from PIL import Image, ImageOps

    picture = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    ground = (WELL, WELL, WELL)
    return np.asarray(ImageOps.pad(picture, shape[::-1], Image.Resampling.BICUBIC, ground))
