"""Cutting a clip out of a video as the benchmark does, and extracting its three frames."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from engines.video.cutting import EPSILON, probe_streams, write_clip
from engines.video.frames import Sampling
from engines.video.pixels import to_rgb
from engines.video.video_file import VideoFile

CLIP = "video.mp4"
FRAMES = ("frame1.jpg", "frame2.jpg", "frame3.jpg")
SHARES = (0.05, 0.5, 0.95)  # positions of the frames, as shares of the clip's duration
# libx264's own defaults, except for what makes bytes vary from run to run (`writing.HIGH_QUALITY`).
PUBLISHED = {"crf": "23", "preset": "medium", "x264-params": "mbtree=0"}


def warm_up() -> None:
    """Imports what `work` needs before the first deadline starts, and limits OpenCV's threads."""
    import av  # noqa: F401
    import cv2
    from PIL import Image  # noqa: F401

    cv2.setNumThreads(1)


def work(video: str, folder: str, cut: dict[str, Any] | None = None) -> dict[str, Any]:
    """Writes a clip's three frames, and first the clip itself if `cut` is given.

    `cut` has `start` and `end` in seconds, `width` and `height`; without it the video is the clip.
    """
    if cut is None:
        write_frames(video, None, Path(folder))
        return {}
    size = (cut["width"], cut["height"])
    write_clip(video, Path(folder) / CLIP, cut["start"], cut["end"], PUBLISHED, size)
    write_frames(str(Path(folder) / CLIP), cut["end"] - cut["start"], Path(folder))
    return {}


def write_frames(video: str, seconds: float | None, folder: Path) -> None:
    """Writes the frames at 5, 50 and 95 % of a clip's `seconds` (None: of all its frames)."""
    from PIL import Image

    every = Sampling(every_nth=1)
    # Counted, not read from the header, which may be wrong for a file of unknown origin.
    if seconds is None:
        length: float = sum(1 for _ in VideoFile(video).decode_sequential(every))
    else:
        length = seconds * probe_streams(video)[0]
    at = [math.floor(length * share + EPSILON) for share in SHARES]
    source, pictures = VideoFile(video), dict[int, np.ndarray]()
    for index, _, frame in source.decode_sequential(every):
        if index in at:
            pictures[index] = to_rgb(frame, source.aspect)
        last = frame
    for name, index in zip(FRAMES, at, strict=True):
        # Rounding may put the last position just behind the end.
        picture = pictures[index] if index in pictures else to_rgb(last, source.aspect)
        Image.fromarray(picture).save(folder / name)
