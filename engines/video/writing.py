"""Writes pictures as H.264 files: exact rates, true colours, the same bytes for the same input."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.errors import UserError
from data.store.temporary import TemporaryFolder

if TYPE_CHECKING:
    from av import AudioFrame, VideoFrame

# The matrix that a decoder which reads no tags assumes of small and of large pictures: tagged so,
# both kinds of decoder show the same colours.
BT601, BT709, HD_HEIGHT = 6, 1, 720
LIMITED_RANGE = 1
AUDIO_HZ = 44_100
# Without the macroblock tree: x264's reads memory that nothing was written to, and the bytes vary.
HIGH_QUALITY = {"preset": "medium", "crf": "12", "x264-params": "mbtree=0"}


@dataclass(frozen=True, slots=True)
class Track:
    """Samples a second and layout of a sound track."""

    rate: int = AUDIO_HZ
    layout: str = "stereo"


STEREO = Track()


def encode_mp4(frames: np.ndarray, fps: float) -> bytes:
    """The bytes of an H.264 mp4 of (T, H, W, 3) uint8 RGB frames at exactly `fps`.

    The same bytes for the same frames; a player may start before it has all of them. Raises
    UserError for odd sides: 4:2:0 has one colour for four pixels.
    """
    count, height, width = frames.shape[:3]
    if not count or height % 2 or width % 2:
        raise UserError(
            f"cannot write {count} frames of {width}x{height} as H.264: at least one frame, and"
            " an even width and height are needed; choose another size"
        )
    return encode_pictures(frames, (height, width), fps, HIGH_QUALITY)


def encode_pictures(
    frames: Iterable[np.ndarray], shape: tuple[int, int], fps: float, options: dict[str, str]
) -> bytes:
    """As `encode_mp4`, of frames as they come, of an even `shape` (H, W)."""
    with TemporaryFolder() as folder:
        file = Path(folder) / "video.mp4"
        write_mp4(to_yuv_frames(frames), shape, fps, file, options, {"movflags": "+faststart"})
        return file.read_bytes()


def to_yuv_frames(frames: Iterable[np.ndarray], format: str = "yuv420p") -> Iterator["VideoFrame"]:
    """(H, W, 3) uint8 RGB pictures as YUV, 4:2:0 or another, in the colours `write_mp4` tags."""
    from av import VideoFrame
    from av.video.reformatter import Colorspace, VideoReformatter

    # One reformatter for all frames: a new one for each costs four times the conversion itself.
    reformat = partial(VideoReformatter().reformat, format=format)
    for picture in frames:
        large = picture.shape[0] >= HD_HEIGHT
        colours = Colorspace.ITU709 if large else Colorspace.ITU601
        frame = VideoFrame.from_ndarray(picture, format="rgb24")
        yield reformat(frame, dst_colorspace=colours)


def write_mp4(
    frames: Iterable["VideoFrame"],
    shape: tuple[int, int],
    fps: float | Fraction,
    file: Path,
    options: dict[str, str],
    muxer: dict[str, str],
    format: str = "yuv420p",
    audio: Iterable["AudioFrame"] | None = None,
    track: Track = STEREO,
) -> None:
    """Writes YUV frames of a shape (height, width) as an mp4, `options` being libx264's.

    `audio` is as `track` says, and becomes AAC; None makes a file without an audio track.
    """
    import av

    muxer = {"fflags": "+bitexact"} | muxer  # no dates, no names of versions
    with av.open(str(file), "w", format="mp4", options=muxer) as container:
        rate = Fraction(fps).limit_denominator(1001)  # 30000/1001 and the like stay exact
        stream = container.add_stream("libx264", rate=rate, options=options)
        stream.height, stream.width = shape
        stream.pix_fmt = format
        context = stream.codec_context
        context.thread_count = 1  # slices of several threads would change the bytes
        colours = BT709 if shape[0] >= HD_HEIGHT else BT601
        context.colorspace = context.color_primaries = context.color_trc = colours
        context.color_range = LIMITED_RANGE
        sound = container.add_stream("aac", rate=track.rate, layout=track.layout) if audio else None
        for frame in frames:
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if sound is not None:
            for samples in audio or ():
                container.mux(sound.encode(samples))
            container.mux(sound.encode())


def encode_lossless(frames: Iterable[np.ndarray], shape: tuple[int, int], fps: float) -> bytes:
    """The bytes of an FFV1 file in Matroska of (H, W, 3) uint8 RGB frames of `shape` (H, W).

    It decodes to the very same bytes, at any size, and is the same file for the same frames.
    """
    import av

    with TemporaryFolder() as folder:
        file = Path(folder) / "video.mkv"
        with av.open(str(file), "w", options={"fflags": "+bitexact"}) as container:
            rate = Fraction(fps).limit_denominator(1001)
            stream = container.add_stream("ffv1", rate=rate, options={"level": "3"})
            stream.height, stream.width = shape
            stream.pix_fmt = "bgr0"
            stream.codec_context.thread_count = 1
            stream.codec_context.flags |= av.codec.context.Flags.bitexact
            for picture in frames:
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
                container.mux(stream.encode(frame.reformat(format="bgr0")))
            container.mux(stream.encode())
        return file.read_bytes()
