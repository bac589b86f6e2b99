"""Where the shape of a moving-shapes clip is in every frame, and what it looks like there."""

from dataclasses import dataclass

import numpy as np

DIFFERS = 60  # of 255, in any channel: what is not background
SMALLEST, LARGEST = 0.01, 0.45  # share of the picture that a shape can take


@dataclass(frozen=True)
class Track:
    """The shape through a clip of n frames, in widths; what was not found is NaN.

    `centres` (n, 2) x and y, `areas` (n,) shares of the picture, `masks` (n, height, width) bool,
    `colours` (n, 3) the median RGB within the mask.
    """

    centres: np.ndarray
    areas: np.ndarray
    masks: np.ndarray
    colours: np.ndarray

    @property
    def found(self) -> np.ndarray:
        """(n,) whether there is one shape of a possible size."""
        return ~np.isnan(self.areas)


def track(frames: np.ndarray) -> Track:
    """Finds what differs from the plain background of (n, height, width, 3) bytes."""
    background = np.median(_border(frames), axis=1)
    away = np.abs(frames.astype(np.int16) - background[:, None, None, :]).max(axis=3)
    masks = away > DIFFERS
    areas = masks.mean(axis=(1, 2))
    seen = (areas >= SMALLEST) & (areas <= LARGEST)
    centres = np.full((len(frames), 2), np.nan)
    colours = np.full((len(frames), 3), np.nan)
    for index in np.flatnonzero(seen):
        y, x = np.nonzero(masks[index])
        centres[index] = (x.mean() + 0.5) / frames.shape[2], (y.mean() + 0.5) / frames.shape[1]
        colours[index] = np.median(frames[index][_inside(masks[index], away[index])], axis=0)
    return Track(centres, np.where(seen, areas, np.nan), masks & seen[:, None, None], colours)


def _border(frames: np.ndarray) -> np.ndarray:
    """(n, pixels, 3) of the outermost rows and columns."""
    edges = (frames[:, 0], frames[:, -1], frames[:, :, 0], frames[:, :, -1])
    return np.concatenate(edges, axis=1)


def _inside(mask: np.ndarray, away: np.ndarray) -> np.ndarray:
    """The half of the mask that differs most: without the blurred edge."""
    return mask & (away >= np.median(away[mask]))
