"""Curves of figures over passes, with their intervals, as points of SVG charts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = Mapping[str, Any]  # of a `PassFigure`, as JSON has it
WIDTH, HEIGHT, EDGE = 260.0, 120.0, 14.0  # of a chart, and its margin, in SVG units


@dataclass(frozen=True, slots=True)
class Point:
    """A figure after a number of passes: where it is drawn, and its value as text.

    `low` and `high` are where its interval ends; None without one.
    """

    number: int
    x: float
    y: float
    low: float | None
    high: float | None
    value: str
    difference: str
    apart: bool


@dataclass(frozen=True, slots=True)
class Curve:
    """A figure over the passes; `control` is the same of refined real videos, if there is one."""

    label: str
    better: str | None
    points: list[Point]
    control: list[Point] = field(default_factory=list)

    @property
    def path(self) -> str:
        """The points as SVG's `polyline` has them."""
        return " ".join(f"{p.x},{p.y}" for p in self.points)

    @property
    def control_path(self) -> str:
        return " ".join(f"{p.x},{p.y}" for p in self.control)


def build_curves(figures: Sequence[Row]) -> list[Curve]:
    """A curve of each figure, in their order; a control is drawn with what it is the control of."""
    by_name: dict[str, list[Row]] = {}
    for each in figures:
        by_name.setdefault(each["name"], []).append(each)
    curves = []
    for name, rows in by_name.items():
        if name.endswith("_control"):
            continue
        control = by_name.get(f"{name}_control", [])
        scale = _Scale([*rows, *control])
        curves.append(Curve(
            rows[0]["label"], rows[0]["better"], scale.place(rows), scale.place(control)
        ))  # fmt: skip
    return curves


class _Scale:
    """Where values are drawn: passes evenly from left to right, all values from top to bottom."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._numbers = sorted({row["number"] for row in rows} | {0})
        ends = [value for row in rows for value in _list_ends(row)]
        self._least, self._most = min(ends), max(ends)

    def place(self, rows: Sequence[Row]) -> list[Point]:
        return [self._place_row(row) for row in rows]

    def _place_row(self, row: Row) -> Point:
        low, high = _find_interval(row)
        apart = row["low"] is not None and (row["low"] > 0 or row["high"] < 0)
        return Point(
            row["number"], self._to_x(row["number"]), self._to_y(row["value"]),
            None if low is None else self._to_y(low), None if high is None else self._to_y(high),
            format_value(row["value"]), describe_difference(row), apart,
        )  # fmt: skip

    def _to_x(self, number: int) -> float:
        last = max(1, len(self._numbers) - 1)
        share = self._numbers.index(number) / last
        return round(EDGE + (WIDTH - 2 * EDGE) * share, 1)

    def _to_y(self, value: float) -> float:
        width = self._most - self._least
        share = (value - self._least) / width if width else 0.5
        return round(HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * share, 1)


def _find_interval(row: Row) -> tuple[float | None, float | None]:
    """The value's interval: that of its difference, around the value of pass 0."""
    if row["low"] is None:
        return None, None
    start = row["value"] - row["difference"]
    return start + row["low"], start + row["high"]


def _list_ends(row: Row) -> list[float]:
    return [row["value"], *(end for end in _find_interval(row) if end is not None)]


def format_value(value: float) -> str:
    """Four significant digits."""
    return f"{value:.4g}".replace("-", "−")


def describe_difference(row: Row) -> str:
    """A difference to pass 0 with its interval, as "−0.12 (−0.2 to −0.04)"; "" for pass 0."""
    if row["difference"] is None:
        return ""
    text = f"{row['difference']:+.3g}"
    if row["low"] is not None:
        text += f" ({row['low']:+.3g} to {row['high']:+.3g})"
    return text.replace("-", "−")
