"""Windows of a clip in time and tiles in space, blended by weights that sum to one."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from data.batches import iter_batches
from data.errors import UserError
from data.specs.refine import RefineSpec
from engines.refine.protocol import Shape, Windows


@dataclass(frozen=True, slots=True)
class Axis:
    """The windows along one axis of `length`: `size` each, from `starts` on.

    `given` is the size that the refiner gets: what a window lacks of it is mirrored at its end.
    `weights` (windows, size) float64 are positive, and sum to one at every place.
    """

    length: int
    size: int
    given: int
    starts: tuple[int, ...]
    weights: np.ndarray


@dataclass(frozen=True, slots=True)
class Place:
    """One window: its number along time, height and width."""

    time: int
    row: int
    column: int


def plan_axis(length: int, size: int, overlap: int, given: int | None = None) -> Axis:
    """Windows of `size` that share at least `overlap` places with their neighbours.

    The last one ends where the axis does. Weights fall off over the overlap as Hann's window does.
    """
    size = min(size, length)
    step = max(1, size - overlap)
    starts = (*range(0, length - size, step), length - size)
    # A ramp over the overlap at both ends: the middle of a window is its own.
    ramp = np.minimum(np.arange(1, size + 1), np.arange(size, 0, -1)) / (overlap + 1)
    weights = np.tile(np.sin(np.pi / 2 * ramp.clip(max=1)) ** 2, (len(starts), 1))
    total = np.zeros(length)
    for start, each in zip(starts, weights, strict=True):
        total[start : start + size] += each
    weights /= np.stack([total[start : start + size] for start in starts])
    return Axis(length, size, max(given or size, size), starts, weights)


class WindowPlan:
    """How a clip (T, H, W) is cut into the windows that a refiner takes, and joined again."""

    def __init__(self, shape: tuple[int, int, int], taken: Shape, spec: RefineSpec) -> None:
        frames, (height, width) = shape[0], shape[1:]
        size = taken.frames or spec.window
        if spec.overlap >= size:
            raise UserError(
                f"{spec.refiner} takes {size} frames: --overlap must be less, not {spec.overlap}"
            )
        tile, share = taken.size or (height, width), spec.tile_overlap if taken.size else 0
        if share >= min(tile):
            raise UserError(
                f"{spec.refiner} takes frames of {tile[1]}x{tile[0]}: --tile-overlap must be less"
                f" than the shorter side, not {share}"
            )
        self.batch = spec.batch
        self.time = plan_axis(frames, size, spec.overlap, taken.frames)
        self.rows, self.columns = (
            plan_axis(length, side, share, _round_up(side, taken.multiple))
            for length, side in zip((height, width), tile, strict=True)
        )

    @property
    def places(self) -> list[Place]:
        """All windows, in the order of time first."""
        counts = (len(axis.starts) for axis in (self.time, self.rows, self.columns))
        return [Place(*numbers) for numbers in product(*map(range, counts))]

    def cut_window(self, clip: np.ndarray, place: Place) -> np.ndarray:
        """A copy of the window of a (T, H, W, …) clip, mirrored up to the size that is given."""
        axes = self._locate(place)
        cut = clip[tuple(slice(start, start + axis.size) for axis, start in axes)]
        pads = [(0, axis.given - axis.size) for axis, _ in axes]
        pads += [(0, 0)] * (clip.ndim - len(pads))
        return np.pad(cut, pads, mode="reflect") if any(map(any, pads)) else np.array(cut)

    def blend(
        self, refined: Iterable[tuple[Place, np.ndarray]], write: Callable[[int, np.ndarray], None]
    ) -> None:
        """Joins windows in the order of `places`; `write` gets each frame (H, W, 3) once.

        Sums are float64: an identity's windows join to the very float32 clip that they came from.
        No more frames are held than a window has.
        """
        frames: dict[int, np.ndarray] = {}
        for place, window in refined:
            (_, first), (rows, top), (columns, left) = self._locate(place)
            for done in [number for number in frames if number < first]:
                write(done, frames.pop(done).astype(np.float32))
            share = np.outer(rows.weights[place.row], columns.weights[place.column])[..., None]
            for number, weight in enumerate(self.time.weights[place.time]):
                whole = frames.setdefault(
                    first + number, np.zeros((rows.length, columns.length, 3))
                )
                part = window[number, : rows.size, : columns.size]
                whole[top : top + rows.size, left : left + columns.size] += share * weight * part
        for number in sorted(frames):
            write(number, frames[number].astype(np.float32))

    def _locate(self, place: Place) -> tuple[tuple[Axis, int], ...]:
        """The axes, each with the start of this window."""
        pairs = ((self.time, place.time), (self.rows, place.row), (self.columns, place.column))
        return tuple((axis, axis.starts[number]) for axis, number in pairs)


def refine_windows(
    plan: WindowPlan, clip: np.ndarray, holes: np.ndarray | None,
    refine: Callable[[Windows], np.ndarray], seed: Callable[[Place], int],
    prompt: str = "", fps: float = 0.0,
) -> Iterator[tuple[Place, np.ndarray]]:  # fmt: skip
    """Each window refined, in batches of this clip's alone: neighbours cannot change its bits."""
    for places in iter_batches(plan.places, plan.batch):
        frames = np.stack([plan.cut_window(clip, place) for place in places])
        cut = None
        if holes is not None:
            cut = np.stack([plan.cut_window(holes, place) for place in places])
        given = Windows(frames, cut, tuple(map(seed, places)), prompt, fps)
        yield from zip(places, refine(given), strict=True)


def _round_up(side: int, multiple: int) -> int:
    return math.ceil(side / multiple) * multiple
