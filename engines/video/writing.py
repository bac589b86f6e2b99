"""Pictures to H.264 files: exact rates, true colours, the same bytes for the same pictures."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.errors import UserError
from data.store.temporary import Temporary

if TYPE_CHECKING:
    from av import AudioFrame, VideoFrame

# What a decoder that reads no tags assumes of small and of large pictures, so both kinds agree.
BT601, BT709, LARGE = 6, 1, 720
LIMITED = 1
SOUND = 44_100
# Without the macroblock tree: x264's reads memory that nothing was written to, and the bytes vary.
FINE = {"preset": "medium", "crf": "12", "x264-params": "mbtree=0"}


def mp4(frames: np.ndarray, fps: float) -> bytes:
    """The bytes of an H.264 mp4 of (T, H, W, 3) uint8 RGB frames at exactly `fps`.

    The same bytes for the same frames; a player may start before it has all of them. Raises
    UserError for sides that are odd: 4:2:0 has one colour for four pixels.
    """
    count, height, width = frames.shape[:3]
    if not count or height % 2 or width % 2:
        raise UserError(
            f"cannot write {count} frames of {width}x{height} as H.264: at least one frame, and"
            " an even width and height are needed; choose another size"
        )
    with Temporary() as folder:
        file = Path(folder) / "video.mp4"
        write(planar(frames), (height, width), fps, file, FINE, {"movflags": "+faststart"})
        return file.read_bytes()


def planar(frames: Iterable[np.ndarray], format: str = "yuv420p") -> Iterator["VideoFrame"]:
    """(H, W, 3) uint8 RGB pictures as YUV, 4:2:0 or another, in the colours that `write` tags."""
    from av import VideoFrame
    from av.video.reformatter import Colorspace, VideoReformatter

    # One reformatter for all frames: a new one for each costs four times the conversion itself.
    reformat = partial(VideoReformatter().reformat, format=format)
    for picture in frames:
        large = picture.shape[0] >= LARGE
        colours = Colorspace.ITU709 if large else Colorspace.ITU601
        frame = VideoFrame.from_ndarray(picture, format="rgb24")
        yield reformat(frame, dst_colorspace=colours)


def write(
    frames: Iterable["VideoFrame"],
    shape: tuple[int, int],
    fps: float | Fraction,
    file: Path,
    options: dict[str, str],
    muxer: dict[str, str],
    format: str = "yuv420p",
    sound: Iterable["AudioFrame"] | None = None,
) -> None:
    """Writes YUV frames of a shape (height, width) as an mp4, `options` being libx264's.

    `sound` is stereo at `SOUND` Hz, and becomes AAC; None makes a file without any.
    """
    import av

    muxer = {"fflags": "+bitexact"} | muxer  # no dates, no names of versions
    with av.open(str(file), "w", format="mp4", options=muxer) as container:
        rate = Fraction(fps).limit_denominator(1001)
        stream = container.add_stream("libx264", rate=rate, options=options)
        stream.height, stream.width = shape
        stream.pix_fmt = format
        context = stream.codec_context
        context.thread_count = 1
        colours = BT709 if shape[0] >= LARGE else BT601
        context.colorspace = context.color_primaries = context.color_trc = colours
        context.color_range = LIMITED
        heard = container.add_stream("aac", rate=SOUND, layout="stereo") if sound else None
        for frame in frames:
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if heard is not None:
            for samples in sound or ():
                container.mux(heard.encode(samples))
            container.mux(heard.encode())
