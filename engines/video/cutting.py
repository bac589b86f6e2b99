"""Writes a part of a video exactly: decoded and encoded again, from any frame to any other."""

import math
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.files.access import STRICT, UrlPolicy
from engines.video.container import open_video, select_video_stream
from engines.video.frames import DecodeError, Sampling
from engines.video.guard.heartbeat import send_heartbeat
from engines.video.pixels import to_rgb
from engines.video.video_file import TimedFrame, VideoFile
from engines.video.writing import AUDIO_HZ, to_yuv_frames, write_mp4

if TYPE_CHECKING:
    from av import AudioFrame

EPSILON = 1e-5  # frames: a time this little before a frame already counts as that frame
MAX_FPS, MAX_FRAMES = 240, 36_000
SHORT_S = 1.0  # seconds a video may end before its clip does; its last frame is repeated


def write_clip(
    video: str, file: Path, start: float, end: float, options: dict[str, str],
    size: tuple[int, int] | None = None, policy: UrlPolicy = STRICT,
) -> None:  # fmt: skip
    """Writes the seconds from `start` to `end` as H.264 of size (width, height), with sound.

    `options` are libx264's; without a size it is the video's own, less an odd row or column.

    Frame k is the one that the video shows at `start` + k / rate, at the video's own rate. Chroma
    is subsampled (4:2:0) if both sides are even, else not (4:4:4).
    """
    source = VideoFile(video, policy)
    rate, sounds = probe_streams(video, policy)
    count = math.ceil((end - start) * rate - EPSILON)
    if count > MAX_FRAMES:
        raise DecodeError("too_long", f"the clip has {count} frames, the limit is {MAX_FRAMES}")
    # A frame is shown until the next one begins, but the decoder picks the nearest: so the window
    # starts half a frame early.
    begin = start - (0.5 - EPSILON) / float(rate)
    window = Sampling(every_nth=None, fps=float(rate), start_s=begin, count=count)

    frames = _resample_frames(source.decode_sampled(window), window, end)
    pictures = (to_rgb(frame, source.aspect) for frame in frames)
    first = next(pictures)
    size = size or (first.shape[1] // 2 * 2, first.shape[0] // 2 * 2)
    scaled = (_fit_picture(picture, size) for picture in chain([first], pictures))
    format = "yuv444p" if size[0] % 2 or size[1] % 2 else "yuv420p"
    sound = _read_sound(video, start, end, policy) if sounds else None
    shape = (size[1], size[0])
    write_mp4(to_yuv_frames(scaled, format), shape, rate, file, options, {}, format, sound)


def _fit_picture(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The picture at size (width, height): without an odd edge, else resized."""
    width, height = size
    if picture.shape[1] - width in (0, 1) and picture.shape[0] - height in (0, 1):
        return np.ascontiguousarray(picture[:height, :width])
    return resize_picture(picture, size)


def resize_picture(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The picture at size (width, height): bilinear if a side grows, else by area."""
    import cv2

    larger = size[0] > picture.shape[1] or size[1] > picture.shape[0]
    method = cv2.INTER_LINEAR if larger else cv2.INTER_AREA
    return np.asarray(cv2.resize(picture, size, interpolation=method), np.uint8)


def probe_streams(video: str, policy: UrlPolicy = STRICT) -> tuple[Fraction, bool]:
    """The frame rate of a video, and whether it has sound."""
    with open_video(video, policy) as file:
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


def _read_sound(video: str, start: float, end: float, policy: UrlPolicy) -> "Iterator[AudioFrame]":
    """Yields the stereo sound from `start` to `end`, ending early where it does not decode."""
    from av import AudioFrame, AudioResampler
    from av.error import FFmpegError

    resampler = AudioResampler("fltp", "stereo", AUDIO_HZ)
    first, last = round(start * AUDIO_HZ), round(end * AUDIO_HZ)
    with open_video(video, policy) as file:
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
