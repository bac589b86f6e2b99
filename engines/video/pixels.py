"""Converts one decoded frame to the picture that a player would show."""

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.video.container import check_frame_size

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

Orientation = tuple[bool, bool, bool]  # swap the axes, then flip top-bottom, then left-right
UPRIGHT: Orientation = (False, False, False)


def compute_display_size(width: int, height: int, aspect: Fraction | None) -> tuple[int, int]:
    """Width and height once pixels are square: the stretched side grows, none shrinks."""
    ratio = aspect or Fraction(1)
    if ratio == 1 or not Fraction(1, 10) <= ratio <= 10:  # beyond that the tag is noise
        return width, height
    return (round(width * ratio), height) if ratio > 1 else (width, round(height / ratio))


def read_orientation(frame: "VideoFrame") -> Orientation:
    """How the display matrix turns the frame; angles between quarter turns are left alone."""
    matrix = _read_display_matrix(frame)
    if matrix is None:
        return UPRIGHT
    # Of the 3x3 matrix, the signs of the upper left 2x2 say everything about quarter turns.
    a, b, _, c, d = np.sign(np.frombuffer(matrix, "<i4", 5)).tolist()
    if b == c == 0 and a and d:
        return False, d < 0, a < 0
    if a == d == 0 and b and c:
        return True, b < 0, c < 0
    return UPRIGHT


def _read_display_matrix(frame: "VideoFrame") -> bytes | None:
    from av.sidedata.sidedata import Type

    side_data: Any = frame.side_data
    return bytes(side_data[Type.DISPLAYMATRIX]) if Type.DISPLAYMATRIX in side_data else None


def apply_orientation(picture: np.ndarray, orientation: Orientation) -> np.ndarray:
    """The (H, W, 3) picture turned upright."""
    swap, flip, mirror = orientation
    picture = picture.swapaxes(0, 1) if swap else picture
    picture = picture[::-1] if flip else picture
    picture = picture[:, ::-1] if mirror else picture
    return np.ascontiguousarray(picture)


def to_rgb(frame: "VideoFrame", aspect: Fraction | None) -> np.ndarray:
    """The displayed (H, W, 3) picture; swscale honours the frame's colour matrix and range tags.

    `aspect` is the stream's; a frame's own, if it has one (packets.py), comes first.
    """
    own: Any = frame.opaque
    aspect = (own[0] or aspect) if own else aspect
    width, height = compute_display_size(frame.width, frame.height, aspect)
    check_frame_size(width, height)  # again: frames in the middle of a stream may grow
    if (width, height) != (frame.width, frame.height):
        frame = frame.reformat(width, height, "rgb24", interpolation="BICUBIC", threads=1)
    return apply_orientation(frame.to_ndarray(format="rgb24", threads=1), read_orientation(frame))
