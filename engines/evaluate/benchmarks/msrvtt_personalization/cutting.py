"""A clip cut out of a video as the benchmark does it, and the three frames of a clip."""

import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.video.container import opened, video_stream
from engines.video.decoders.pyav import Picked, Video
from engines.video.frames import DecodeError, Sampling
from engines.video.guard.heartbeat import beat
from engines.video.pixels import rgb
from engines.video.writing import SOUND, planar, write

if TYPE_CHECKING:
    from av import AudioFrame

CLIP = "video.mp4"
FRAMES = ("frame1.jpg", "frame2.jpg", "frame3.jpg")
SHARES = (0.05, 0.5, 0.95)  # of the clip's seconds: where the frames are
# libx264's own defaults, but for what makes bytes vary from run to run (`writing.FINE`).
PUBLISHED = {"crf": "23", "preset": "medium", "x264-params": "mbtree=0"}
NEXT = 1e-5  # frames: so little before a frame begins, it is that frame already
MOST_FPS, MOST_FRAMES = 240, 36_000
SHORT_S = 1.0  # a video may end so much before its clip does: the last frame stays


def warm() -> None:
    """Imports what the work needs, so that no clip waits for it; one thread, one core."""
    import av  # noqa: F401
    import cv2
    from PIL import Image  # noqa: F401

    cv2.setNumThreads(1)


def work(video: str, folder: str, cut: dict[str, Any] | None = None) -> dict[str, Any]:
    """Writes a clip's three frames, and before that the clip itself where it is to be `cut`.

    `cut` has `start` and `end` in seconds, `width` and `height`; without, the video is the clip.
    """
    if cut is None:
        write_frames(video, None, Path(folder))
        return {}
    size = (cut["width"], cut["height"])
    write_clip(video, Path(folder) / CLIP, cut["start"], cut["end"], size)
    write_frames(str(Path(folder) / CLIP), cut["end"] - cut["start"], Path(folder))
    return {}


def write_clip(video: str, file: Path, start: float, end: float, size: tuple[int, int]) -> None:
    """Writes the seconds from `start` to `end` as H.264 of a size (width, height), with its sound.

    Frame k shows what the video shows at `start` + k / rate, at the video's own rate. Colours have
    half the resolution where both sides are even, else all of it.
    """
    source = Video(video)
    rate, sounds = _streams(video)
    count = math.ceil((end - start) * rate - NEXT)
    if count > MOST_FRAMES:
        raise DecodeError("too_long", f"a clip of {count} frames")
    # The frame that is shown at a time is the nearest to half a frame before.
    begin = start - (0.5 - NEXT) / float(rate)
    window = Sampling(every_nth=None, fps=float(rate), start_s=begin, count=count)

    def resized() -> Iterator[np.ndarray]:
        for frame in _each(source.picked(window), window, end):
            yield fitted(rgb(frame, source.aspect), size)

    format = "yuv444p" if size[0] % 2 or size[1] % 2 else "yuv420p"
    sound = _sound(video, start, end) if sounds else None
    shape = (size[1], size[0])
    write(planar(resized(), format), shape, rate, file, PUBLISHED, {}, format, sound)


def write_frames(video: str, seconds: float | None, folder: Path) -> None:
    """Writes the frames at 5, 50 and 95 % of a clip's `seconds` (None: of all its frames)."""
    from PIL import Image

    every = Sampling(every_nth=1)
    if seconds is None:
        length: float = sum(1 for _ in Video(video).sequential(every))
    else:
        length = seconds * _streams(video)[0]
    at = [math.floor(length * share + NEXT) for share in SHARES]
    source, pictures = Video(video), dict[int, np.ndarray]()
    for index, _, frame in source.sequential(every):
        if index in at:
            pictures[index] = rgb(frame, source.aspect)
        last = frame
    for name, wanted in zip(FRAMES, at, strict=True):
        picture = pictures[wanted] if wanted in pictures else rgb(last, source.aspect)
        Image.fromarray(picture).save(folder / name)


def fitted(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The picture at a size (width, height): bilinear where a side grows, else means of areas."""
    import cv2

    larger = size[0] > picture.shape[1] or size[1] > picture.shape[0]
    found = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR if larger else cv2.INTER_AREA)
    return np.asarray(found, np.uint8)


def _streams(video: str) -> tuple[Fraction, bool]:
    """The frames a second of a video, and whether it has sound."""
    with opened(video) as file:
        stream = video_stream(file.container)
        rate = stream.average_rate or stream.guessed_rate
        if not rate or not 0 < rate <= MOST_FPS:
            raise DecodeError("undecodable", f"{rate} frames a second")
        return rate, bool(file.container.streams.audio)


def _each(frames: Iterator[Picked], window: Sampling, end: float) -> Iterator[Any]:
    """The frame of every step of a window, the last one again where there are no more."""
    rate, left = window.fps or 1.0, window.count or 0
    before: Picked | None = None
    for frame in frames:
        while before is not None and left and _due(window, left) <= (before[1] + frame[1]) / 2:
            yield before[2]
            left -= 1
        before = frame
    if before is None or before[1] + 1 / rate + SHORT_S < end:
        ends = 0.0 if before is None else before[1] + 1 / rate
        raise DecodeError("rejected", f"the clip ends at {end:g} s, its video at {ends:.2f} s")
    for _ in range(left):
        yield before[2]


def _due(window: Sampling, left: int) -> float:
    """The time of a window's step, of which so many are left."""
    return window.start_s + ((window.count or 0) - left) / (window.fps or 1.0)


def _sound(video: str, start: float, end: float) -> "Iterator[AudioFrame]":
    """What is heard from `start` to `end`; nothing more where it does not decode."""
    from av import AudioFrame, AudioResampler
    from av.error import FFmpegError

    resampler = AudioResampler("fltp", "stereo", SOUND)
    first, last = round(start * SOUND), round(end * SOUND)
    with opened(video) as file:
        stream = file.container.streams.audio[0]
        zero = (file.container.start_time or 0) / 1_000_000
        try:
            for frame in file.container.decode(stream):
                beat()
                for heard in resampler.resample(frame):
                    at = round(((heard.time or 0.0) - zero) * SOUND)
                    if at >= last:
                        return
                    part: Any = heard.to_ndarray()[:, max(0, first - at) : last - at]
                    if part.shape[1]:
                        kept = AudioFrame.from_ndarray(np.ascontiguousarray(part), "fltp", "stereo")
                        kept.sample_rate, kept.pts = SOUND, max(at, first) - first
                        yield kept
        except FFmpegError:
            return
