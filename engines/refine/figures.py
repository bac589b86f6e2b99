"""Figures of passes: means over clips, and paired differences to pass 0."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from engines.evaluate.statistics import estimate_mean

Better = Literal["higher", "lower"] | None

# What a row of a pass has, as tables call it; none of them is better by itself.
DRIFT = {
    "psnr_start": "PSNR to start", "ssim_start": "SSIM to start",
    "psnr_previous": "PSNR to pass before", "ssim_previous": "SSIM to pass before",
    "flicker": "flicker", "laplacian_ratio": "Laplacian energy, of start",
    "colour_shift": "colour shift", "contrast_shift": "contrast shift", "change": "change",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PassFigure:
    """A figure after `number` passes, over `n` clips, and its difference to pass 0.

    `low` and `high` bound the difference's 95 % interval; all three are None where pass 0 has no
    such figure, and the bounds where clips are too few. `group` is a class, or None for all.
    """

    number: int
    name: str
    label: str
    better: Better
    n: int
    value: float
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    group: str | None = None


def compare_passes(
    name: str, label: str, better: Better, values: Mapping[int, Mapping[str, float | None]]
) -> list[PassFigure]:
    """A figure for each pass, of `values` by pass and clip; clips without a value are left out."""
    first = values.get(0, {})
    return [
        figure
        for number, by_clip in sorted(values.items())
        if (figure := _compare_pass(number, name, label, better, by_clip, first)) is not None
    ]


def _compare_pass(
    number: int, name: str, label: str, better: Better,
    by_clip: Mapping[str, float | None], first: Mapping[str, float | None],
) -> PassFigure | None:  # fmt: skip
    known = {clip: value for clip, value in sorted(by_clip.items()) if value is not None}
    if not known:
        return None
    mean = float(np.mean(list(known.values())))
    pairs = [(v, b) for clip, v in known.items() if (b := first.get(clip)) is not None]
    if number == 0 or not pairs:
        return PassFigure(number, name, label, better, len(known), mean)
    # Of the same clips: what differs between clips does not widen the interval.
    found = estimate_mean(np.array([v - b for v, b in pairs]), paired=True)
    return PassFigure(
        number, name, label, better, len(known), mean, found.mean, found.low, found.high
    )


def list_drift(rows: Iterable[Mapping[str, Any]]) -> list[PassFigure]:
    """The figures of `DRIFT`, of rows of `REFINED` that did not fail."""
    done = [row for row in rows if row["reason"] is None]
    figures = []
    for name, label in DRIFT.items():
        values: dict[int, dict[str, float | None]] = {}
        for row in done:
            values.setdefault(row["number"], {})[row["target"]] = row[name]
        figures += compare_passes(name, label, None, values)
    return figures
