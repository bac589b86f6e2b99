"""Tracks the shape of a moving-shapes clip: its place and looks in every frame."""

from dataclasses import dataclass

import numpy as np

DIFFERS = 60  # of 255, in any channel: such a pixel is not background
SMALLEST, LARGEST = 0.01, 0.45  # share of the picture that a shape can take


@dataclass(frozen=True)
class Track:
    """The shape through a clip of n frames, in widths; NaN where it is not visible.

    `centres` (n, 2) x and y, `areas` (n,) shares of the picture, `masks` (n, height, width) bool,
    `colours` (n, 3) the median RGB within the mask.
    """

    centres: np.ndarray
    areas: np.ndarray
    masks: np.ndarray
    colours: np.ndarray

    @property
    def visible(self) -> np.ndarray:
        """(n,) whether there is a shape of a possible size."""
        return ~np.isnan(self.areas)


def track_shape(frames: np.ndarray) -> Track:
    """Finds what differs from the plain background of (n, height, width, 3) bytes."""
    # By the edge of each frame, which a shape crosses in a few pixels at most.
    background = np.median(_border_pixels(frames), axis=1)
    away = np.abs(frames.astype(np.int16) - background[:, None, None, :]).max(axis=3)
    masks = away > DIFFERS
    areas = masks.mean(axis=(1, 2))
    visible = (areas >= SMALLEST) & (areas <= LARGEST)
    centres = np.full((len(frames), 2), np.nan)
    colours = np.full((len(frames), 3), np.nan)
    for index in np.flatnonzero(visible):
        y, x = np.nonzero(masks[index])
        centres[index] = (x.mean() + 0.5) / frames.shape[2], (y.mean() + 0.5) / frames.shape[1]
        colours[index] = np.median(frames[index][_inner_mask(masks[index], away[index])], axis=0)
    return Track(centres, np.where(visible, areas, np.nan), masks & visible[:, None, None], colours)


def _border_pixels(frames: np.ndarray) -> np.ndarray:
    """(n, pixels, 3) of the outermost rows and columns."""
    edges = (frames[:, 0], frames[:, -1], frames[:, :, 0], frames[:, :, -1])
    return np.concatenate(edges, axis=1)


def _inner_mask(mask: np.ndarray, away: np.ndarray) -> np.ndarray:
    """The half of the mask that differs most: without the blurred edge."""
    return mask & (away >= np.median(away[mask]))
