"""Cutting a clip out of a video as the benchmark does, and extracting its three frames."""

import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.video.container import open_video, select_video_stream
from engines.video.frames import DecodeError, Sampling
from engines.video.guard.heartbeat import send_heartbeat
from engines.video.pixels import to_rgb
from engines.video.video_file import TimedFrame, VideoFile
from engines.video.writing import AUDIO_HZ, to_yuv_frames, write_mp4

if TYPE_CHECKING:
    from av import AudioFrame

CLIP = "video.mp4"
FRAMES = ("frame1.jpg", "frame2.jpg", "frame3.jpg")
SHARES = (0.05, 0.5, 0.95)  # positions of the frames, as shares of the clip's duration
# libx264's own defaults, except for what makes bytes vary from run to run (`writing.HIGH_QUALITY`).
PUBLISHED = {"crf": "23", "preset": "medium", "x264-params": "mbtree=0"}
EPSILON = 1e-5  # frames: a time this little before a frame already counts as that frame
MAX_FPS, MAX_FRAMES = 240, 36_000
SHORT_S = 1.0  # seconds a video may end before its clip does; its last frame is repeated


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
    write_clip(video, Path(folder) / CLIP, cut["start"], cut["end"], size)
    write_frames(str(Path(folder) / CLIP), cut["end"] - cut["start"], Path(folder))
    return {}


def write_clip(video: str, file: Path, start: float, end: float, size: tuple[int, int]) -> None:
    """Writes the seconds from `start` to `end` as H.264 of size (width, height), with sound.

    Frame k is the one that the video shows at `start` + k / rate, at the video's own rate. Chroma
    is subsampled (4:2:0) if both sides are even, else not (4:4:4).
    """
    source = VideoFile(video)
    rate, sounds = _probe_streams(video)
    count = math.ceil((end - start) * rate - EPSILON)
    if count > MAX_FRAMES:
        raise DecodeError("too_long", f"the clip has {count} frames, the limit is {MAX_FRAMES}")
    # A frame is shown until the next one begins, but the decoder picks the nearest: so the window
    # starts half a frame early.
    begin = start - (0.5 - EPSILON) / float(rate)
    window = Sampling(every_nth=None, fps=float(rate), start_s=begin, count=count)

    def resize_frames() -> Iterator[np.ndarray]:
        for frame in _resample_frames(source.decode_sampled(window), window, end):
            yield resize_picture(to_rgb(frame, source.aspect), size)

    format = "yuv444p" if size[0] % 2 or size[1] % 2 else "yuv420p"
    sound = _read_sound(video, start, end) if sounds else None
    shape = (size[1], size[0])
    write_mp4(
        to_yuv_frames(resize_frames(), format), shape, rate, file, PUBLISHED, {}, format, sound
    )


def write_frames(video: str, seconds: float | None, folder: Path) -> None:
    """Writes the frames at 5, 50 and 95 % of a clip's `seconds` (None: of all its frames)."""
    from PIL import Image

    every = Sampling(every_nth=1)
    # Counted, not read from the header, which may be wrong for a file of unknown origin.
    if seconds is None:
        length: float = sum(1 for _ in VideoFile(video).decode_sequential(every))
    else:
        length = seconds * _probe_streams(video)[0]
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


def resize_picture(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The picture at size (width, height): bilinear if a side grows, else by area."""
    import cv2

    larger = size[0] > picture.shape[1] or size[1] > picture.shape[0]
    method = cv2.INTER_LINEAR if larger else cv2.INTER_AREA
    return np.asarray(cv2.resize(picture, size, interpolation=method), np.uint8)


def _probe_streams(video: str) -> tuple[Fraction, bool]:
    """The frame rate of a video, and whether it has sound."""
    with open_video(video) as file:
        stream = select_video_stream(file.container)
        rate = stream.average_rate or stream.guessed_rate
        if not rate or not 0 < rate <= MAX_FPS:
            raise DecodeError("undecodable", f"unsupported frame rate {rate}")
        return rate, bool(file.container.streams.audio)


def _resample_frames(frames: Iterator[TimedFrame], window: Sampling, end: float) -> Iterator[Any]:
    """Yields the nearest frame of every step of a window, repeating the last one at the end."""
    rate, left = window.fps or 1.0, window.count or 0
    previous: TimedFrame | None = None
    for frame in frames:
        # Up to half-way to this frame, the previous one is the nearest.
        while previous and left and _step_time(window, left) <= (previous[1] + frame[1]) / 2:
            yield previous[2]
            left -= 1
        previous = frame
    if previous is None or previous[1] + 1 / rate + SHORT_S < end:
        video_end = 0.0 if previous is None else previous[1] + 1 / rate
        detail = f"the clip ends at {end:g} s, but the video at {video_end:.2f} s"
        raise DecodeError("rejected", detail)
    for _ in range(left):
        yield previous[2]


def _step_time(window: Sampling, left: int) -> float:
    """The time of the next step of a window that has `left` steps left."""
    return window.start_s + ((window.count or 0) - left) / (window.fps or 1.0)


def _read_sound(video: str, start: float, end: float) -> "Iterator[AudioFrame]":
    """Yields the stereo sound from `start` to `end`, ending early where it does not decode."""
    from av import AudioFrame, AudioResampler
    from av.error import FFmpegError

    resampler = AudioResampler("fltp", "stereo", AUDIO_HZ)
    first, last = round(start * AUDIO_HZ), round(end * AUDIO_HZ)
    with open_video(video) as file:
        stream = file.container.streams.audio[0]
        zero = (file.container.start_time or 0) / 1_000_000
        try:
            for frame in file.container.decode(stream):
                send_heartbeat()  # a sign of life, as the sound is decoded from its beginning
                for piece in resampler.resample(frame):
                    at = round(((piece.time or 0.0) - zero) * AUDIO_HZ)
                    if at >= last:
                        return
                    samples: Any = piece.to_ndarray()[:, max(0, first - at) : last - at]
                    if samples.shape[1]:
                        samples = np.ascontiguousarray(samples)
                        sound = AudioFrame.from_ndarray(samples, "fltp", "stereo")
                        sound.sample_rate, sound.pts = AUDIO_HZ, max(at, first) - first
                        yield sound
        except FFmpegError:
            return
