"""Boxes of voxels inside a clip: never outside, never in part, and apart where there is room."""

import numpy as np
from pydantic import Field

from data.specs.pipeline import Spec

TRIES = 64  # to place a box apart from the others, before it may overlap them


class BoxOptions(Spec):
    """Boxes that a corruption changes."""

    boxes: int = Field(4, ge=1)
    """Number of boxes."""
    height: int = Field(16, ge=1)
    """Height of a box in pixels."""
    width: int = Field(16, ge=1)
    """Width of a box in pixels."""
    depth: int = Field(3, ge=1)
    """Number of frames of a box."""


def draw_boxes(
    shape: tuple[int, int, int], rng: np.random.Generator, count: int, size: tuple[int, int, int]
) -> np.ndarray:
    """(T, H, W) bool, True in `count` boxes of `size`, cut to the clip's where that is smaller.

    Boxes lie anywhere inside, so none is lost at a border, and have exactly their size. They are
    apart, so that exactly `count` times their volume is covered, unless a box finds no room.
    """
    holes = np.zeros(shape, bool)
    sides = [min(side, length) for side, length in zip(size, shape, strict=True)]
    for _ in range(count):
        for _ in range(TRIES):
            starts = [
                int(rng.integers(length - side + 1))
                for length, side in zip(shape, sides, strict=True)
            ]
            box = tuple(slice(at, at + side) for at, side in zip(starts, sides, strict=True))
            if not holes[box].any():
                break
        holes[box] = True
    return holes
