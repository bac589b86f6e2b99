"""Arrays of pixels to H.264 files, moved into place only when whole."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engines.tiny.scene import FPS
from engines.video.writing import planar, write

if TYPE_CHECKING:
    from av import VideoFrame


def encode(rgb: np.ndarray, file: Path) -> None:
    """Write (n, height, width, 3) bytes as an H.264 mp4 of n frames."""
    _write(planar(rgb), rgb.shape[1:3], file, {"preset": "ultrafast", "crf": "18"})


def encode_planes(planes: np.ndarray, file: Path) -> None:
    """Write (n, height * 3 / 2, width) planar YUV bytes as a lossless H.264 mp4."""
    from av import VideoFrame

    frames = (VideoFrame.from_ndarray(picture, format="yuv420p") for picture in planes)
    shape = (planes.shape[1] * 2 // 3, planes.shape[2])
    _write(frames, shape, file, {"preset": "ultrafast", "qp": "0"})


def _write(
    frames: Iterable["VideoFrame"], shape: tuple[int, int], file: Path, options: dict[str, str]
) -> None:
    draft = file.with_name(f".{file.name}.{os.getpid()}.part")
    write(frames, shape, FPS, draft, options, {})
    os.replace(draft, file)
