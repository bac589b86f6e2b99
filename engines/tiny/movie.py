"""Encodes arrays of pixels as H.264 files, moved into place only when complete."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engines.tiny.scene import FPS
from engines.video.writing import to_yuv_frames, write_mp4

if TYPE_CHECKING:
    from av import VideoFrame


def encode_movie(rgb: np.ndarray, file: Path) -> None:
    """Writes (n, height, width, 3) bytes as an H.264 mp4 of n frames."""
    _write_movie(to_yuv_frames(rgb), rgb.shape[1:3], file, {"preset": "ultrafast", "crf": "18"})


def encode_planes(planes: np.ndarray, file: Path) -> None:
    """Writes (n, height * 3 / 2, width) planar YUV bytes as a lossless H.264 mp4."""
    from av import VideoFrame

    frames = (VideoFrame.from_ndarray(picture, format="yuv420p") for picture in planes)
    shape = (planes.shape[1] * 2 // 3, planes.shape[2])
    _write_movie(frames, shape, file, {"preset": "ultrafast", "qp": "0"})


def _write_movie(
    frames: Iterable["VideoFrame"], shape: tuple[int, int], file: Path, options: dict[str, str]
) -> None:
    # By process, since workers may be asked for the same clip at the same time.
    draft = file.with_name(f".{file.name}.{os.getpid()}.part")
    write_mp4(frames, shape, FPS, draft, options, {})
    os.replace(draft, file)
