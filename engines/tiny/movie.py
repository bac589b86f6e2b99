"""Arrays of pixels to H.264 files, moved into place only when whole."""

import os
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engines.tiny.scene import FPS

if TYPE_CHECKING:
    from av import VideoFrame

# BT.601: what a decoder that reads no tags assumes for small pictures, so both kinds agree.
BT601, LIMITED = 6, 1


def encode(rgb: np.ndarray, file: Path) -> None:
    """Write (n, height, width, 3) bytes as an H.264 mp4 of n frames."""
    from av import VideoFrame
    from av.video.reformatter import Colorspace, VideoReformatter

    # One reformatter for all frames: a new one for each costs four times the conversion itself.
    planar = partial(
        VideoReformatter().reformat, format="yuv420p", dst_colorspace=Colorspace.ITU601
    )
    frames = (planar(VideoFrame.from_ndarray(picture, format="rgb24")) for picture in rgb)
    _write(frames, rgb.shape[1:3], file, {"preset": "ultrafast", "crf": "18"})


def encode_planes(planes: np.ndarray, file: Path) -> None:
    """Write (n, height * 3 / 2, width) planar YUV bytes as a lossless H.264 mp4."""
    from av import VideoFrame

    frames = (VideoFrame.from_ndarray(picture, format="yuv420p") for picture in planes)
    shape = (planes.shape[1] * 2 // 3, planes.shape[2])
    _write(frames, shape, file, {"preset": "ultrafast", "qp": "0"})


def _write(
    frames: Iterable["VideoFrame"], shape: tuple[int, ...], file: Path, options: dict[str, str]
) -> None:
    import av

    draft = file.with_name(f".{file.name}.{os.getpid()}.part")
    with av.open(str(draft), "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libx264", rate=FPS, options=options)
        stream.height, stream.width = shape
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        stream.codec_context.colorspace = BT601
        stream.codec_context.color_primaries = BT601
        stream.codec_context.color_trc = BT601
        stream.codec_context.color_range = LIMITED
        for frame in frames:
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    os.replace(draft, file)
