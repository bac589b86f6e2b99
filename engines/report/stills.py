"""Decodes a few frames of videos as small pictures, for contact sheets."""

import time
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from data.outcome import Done, Failed
from data.records import Video
from engines.report.mosaic import WELL
from engines.video.frames import Sampling
from engines.video.guard.guard import Guard
from engines.worker import WorkerSetup

FrameRequests = Mapping[str, tuple[str, Sampling]]  # by key: a video's URI, and which frames of it
Stills = dict[str, list[np.ndarray | None]]


def extract_stills(
    requests: FrameRequests,
    shape: tuple[int, int],
    setup: WorkerSetup,
    within_s: float | None = None,
) -> Stills:
    """Decodes the requested frames, each fitted whole into (height, width, 3) uint8.

    A video that cannot be read, or is not decoded `within_s` seconds, has an empty list.
    """
    stills: Stills = {key: [] for key in requests}
    videos = [(Video(key, uri, ""), sampling) for key, (uri, sampling) in requests.items()]
    due, deadline_s = None, setup.decode_deadline_s
    if within_s is not None:
        # One hanging video must not outlast the whole time that is left for the pictures.
        due, deadline_s = time.monotonic() + within_s, min(within_s, deadline_s)
    setup = replace(setup, decoders=1, decode_deadline_s=deadline_s)
    with Guard.for_worker(setup) as guard:
        for event in guard.decode_each(videos, None):
            if not isinstance(event, Done | Failed):
                stills[event[0].id] += [_resize_frame(each, shape) for each in event[1].pixels]
            if due is not None and time.monotonic() > due:
                break
    return stills


def _resize_frame(pixels: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Fits a frame (3, H, W) into (height, width, 3), padded in grey rather than cropped."""
    from PIL import Image, ImageOps

    picture = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    ground = (WELL, WELL, WELL)
    return np.asarray(ImageOps.pad(picture, shape[::-1], Image.Resampling.BICUBIC, ground))
