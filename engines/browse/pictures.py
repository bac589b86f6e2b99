"""Stills and short previews of videos, decoded on demand by guarded processes."""

import io
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

import numpy as np

from data.outcome import Done, Failed
from data.records import Video
from engines.video.frames import Frames, Resize, Sampling
from engines.video.guard.guard import Guard
from engines.video.sampling import compute_steps, find_nearest
from engines.video.writing import to_yuv_frames, write_mp4
from engines.worker import WorkerSetup

WIDTH, MIN_HEIGHT, MAX_HEIGHT = 320, 90, 640  # pixels of a picture
PREVIEW_FPS, PREVIEW_FRAMES = 8, 24  # three seconds
JPEG_QUALITY = 82
QUICK = {"preset": "veryfast", "crf": "27"}  # libx264's: a preview is looked at once


class NotShown(Exception):
    """A video that gives no picture: `reason` as in data.outcome, and the text for a person."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class PictureMaker:
    """Decodes pictures of videos; several threads may share one."""

    def __init__(self, setup: WorkerSetup) -> None:
        self._guard = Guard.for_worker(setup)
        # A guard gives a process to every call that has none: of a page's forty pictures each
        # would start one.
        self._turns = threading.Semaphore(setup.decoders)

    def draw_still(self, video: Video, seconds: float, size: tuple[int, int] | None) -> bytes:
        """A JPEG of the frame nearest to a time; `size` is the video's own (width, height)."""
        from PIL import Image

        sampling = Sampling(None, PREVIEW_FPS, start_s=seconds, count=1)
        frame = self._decode(video, sampling, size)[0]
        target = io.BytesIO()
        Image.fromarray(frame).save(target, "JPEG", quality=JPEG_QUALITY)
        return target.getvalue()

    def write_preview(
        self, video: Video, seconds: float, size: tuple[int, int] | None, file: Path
    ) -> None:
        """Writes three seconds from a time on as a small mp4 that every browser plays."""
        sampling = Sampling(None, PREVIEW_FPS, start_s=seconds, count=PREVIEW_FRAMES)
        frames = self._decode(video, sampling, size)
        shape, muxer = frames[0].shape[:2], {"movflags": "+faststart"}
        write_mp4(to_yuv_frames(frames), shape, PREVIEW_FPS, file, QUICK, muxer)

    def warm_up(self) -> None:
        """Starts the decoder processes, whose imports take seconds."""
        empty = [(Video(f"empty-{n}", os.devnull, ""), Sampling(1)) for n in range(2)]
        with suppress(RuntimeError):  # closed meanwhile
            list(self._guard.decode_each(empty, Resize()))

    def close(self) -> None:
        """Ends the decoder processes; decoding under way raises."""
        self._guard.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _decode(
        self, video: Video, sampling: Sampling, size: tuple[int, int] | None
    ) -> list[np.ndarray]:
        """A frame (height, width, 3) a step of the window that lies within the video, at least one.

        NotShown where there is none.
        """
        width, height = fit_size(size)
        resize = Resize(height, "squash" if size else "longest", "bilinear", width=width)
        parts: list[Frames] = []
        failed: Failed | None = None
        with self._turns:
            # To the end: a decoder whose frames nobody takes any more is killed.
            for event in self._guard.decode_each([(video, sampling)], resize):
                if isinstance(event, Failed):
                    failed = event
                elif not isinstance(event, Done):
                    parts.append(event[1])
        if not parts:
            raise NotShown(*(failed.reason, failed.detail) if failed else ("empty", "no frame"))
        seconds, steps = np.concatenate([part.seconds for part in parts]), compute_steps(sampling)
        # A decoder gives a frame once, however many steps it is nearest to.
        due = steps[: max(len(seconds), int((steps <= seconds[-1]).sum()))]
        pixels = np.concatenate([part.pixels for part in parts])[find_nearest(seconds, due)]
        return [np.ascontiguousarray(each) for each in pixels.transpose(0, 2, 3, 1)]


def fit_size(size: tuple[int, int] | None) -> tuple[int, int]:
    """The width and height of a picture of a video of this size; both are even, as 4:2:0 needs."""
    if not size or min(size) <= 0:
        return WIDTH, WIDTH * 9 // 16
    height = round(WIDTH * size[1] / size[0] / 2) * 2
    if height > MAX_HEIGHT:  # a tall one is as high as a page is, and narrower
        return max(2, round(MAX_HEIGHT * size[0] / size[1] / 2) * 2), MAX_HEIGHT
    return WIDTH, max(MIN_HEIGHT, height)
