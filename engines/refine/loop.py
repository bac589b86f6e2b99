"""The loop of refinement: corrupt, refine window by window, put back, again and again."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from data.specs.refine import RefineSpec, StopSpec
from engines.refine.corrupt import corrupt_clip
from engines.refine.drift import Drift, Look, describe_look, measure_drift
from engines.refine.protocol import Corruption, Refiner, Windows
from engines.refine.randomness import derive_seed, open_rng
from engines.refine.scratch import Scratch
from engines.refine.windows import WindowPlan, refine_windows


class RefineError(Exception):
    """A clip that a refiner cannot take further; the text says why, for its row."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A clip to refine: the digest of its bytes, by which its random numbers go, and its prompt."""

    content: str
    prompt: str = ""
    fps: float = 0.0


@dataclass(frozen=True, slots=True)
class Pass:
    """A clip after `number` passes, (T, H, W, 3) float32 from 0 to 1; `drift` is None before any.

    `stopped` is the pass after which it was left as it is, and `look` what it looks like.
    """

    number: int
    clip: np.ndarray
    look: Look
    drift: Drift | None
    stopped: int | None


def iterate_passes(
    spec: RefineSpec, refiner: Refiner, corruption: Corruption | None, subject: Subject,
    start: np.ndarray, scratch: Scratch,
) -> Iterator[Pass]:  # fmt: skip
    """Yields the clip as it is given, pass 0, and then after each pass, without an end.

    A clip that a stop rule left as it is comes again and again, unchanged. The arrays are used
    again two passes later. A RefineError where a refiner gives what cannot be a picture.
    """
    plan = WindowPlan(start.shape[:3], refiner.shape, spec)
    first = describe_look(start)
    last = Pass(0, start, first, None, None)
    yield last
    rooms = [scratch.make_array(start.shape) for _ in range(2)]
    corrupted = scratch.make_array(start.shape) if corruption else start
    while True:
        number = last.number + 1
        if last.stopped is not None:
            last = Pass(number, last.clip, last.look, last.drift, last.stopped)
        else:
            clip = rooms[number % 2]
            one = _OnePass(spec, refiner, corruption, subject, plan, number)
            one.run(last.clip, clip, corrupted)
            drift = measure_drift(clip, last.clip, start, first)
            stopped = number if _must_stop(spec.stop, drift) else None
            last = Pass(number, clip, describe_look(clip), drift, stopped)
        yield last


@dataclass(frozen=True, slots=True)
class _OnePass:
    """The pass `number` of a clip."""

    spec: RefineSpec
    refiner: Refiner
    corruption: Corruption | None
    subject: Subject
    plan: WindowPlan
    number: int

    def run(self, clip: np.ndarray, out: np.ndarray, corrupted: np.ndarray) -> None:
        """Writes the refined clip into `out`, in 0 to 1; `corrupted` is room for what it is of."""
        given, holes = clip, None
        if self.corruption is not None:
            given = corrupted
            holes = corrupt_clip(self.corruption, clip, self._open_rng, given)
        windows = refine_windows(
            self.plan, given, holes, _check_values(self.refiner),
            lambda place: self._seed(place.time, place.row, place.column),
            self.subject.prompt, self.subject.fps,
        )  # fmt: skip

        def write(number: int, frame: np.ndarray) -> None:
            np.clip(frame, 0, 1, out=out[number])
            if self.spec.paste_back and holes is not None:
                visible = ~holes[number]
                out[number][visible] = clip[number][visible]

        self.plan.blend(windows, write)

    def _seed(self, *place: int | str) -> int:
        return derive_seed(self.spec.seed, self.subject.content, self.number, *place)

    def _open_rng(self, *place: int | str) -> np.random.Generator:
        return open_rng(self.spec.seed, self.subject.content, self.number, *place)


def _check_values(refiner: Refiner) -> Callable[[Windows], np.ndarray]:
    """The refiner for windows from 0 to 1; what it gives is checked, and comes back in 0 to 1."""
    low, high = refiner.shape.values
    span = high - low

    def refine(windows: Windows) -> np.ndarray:
        frames = windows.frames
        if (low, high) != (0.0, 1.0):
            frames = frames * np.float32(span) + np.float32(low)
        given = Windows(frames, windows.holes, windows.seeds, windows.prompt, windows.fps)
        refined = refiner.refine(given)
        if refined.shape != frames.shape:
            raise RefineError(f"the refiner gave {refined.shape} of {frames.shape}")
        if not np.isfinite(refined).all():
            bad = int((~np.isfinite(refined)).sum())
            raise RefineError(f"the refiner gave {bad:,} values that are not finite")
        least, most = float(refined.min()), float(refined.max())
        # Networks overshoot a little; twice the range is another range.
        if least < low - span or most > high + span:
            raise RefineError(
                f"the refiner gave values from {least:.3g} to {most:.3g}: its range is {low:g} to"
                f" {high:g}"
            )
        return refined if (low, high) == (0.0, 1.0) else (refined - low) / span

    return refine


def _must_stop(rule: StopSpec, drift: Drift) -> bool:
    """Whether one of the rules is met."""
    return (
        (rule.change is not None and drift.change < rule.change)
        or (rule.drift is not None and drift.psnr_start < rule.drift)
        or (rule.blur is not None and drift.laplacian_ratio < rule.blur)
    )
