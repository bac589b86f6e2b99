"""Curves of figures over passes as points of SVG charts, and the intervals of their differences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engines.refine.figures import PassFigure
from engines.report.differences import Bar, build_bars

Row = Mapping[str, Any]  # of a `PassFigure`, as JSON has it
WIDTH, HEIGHT, EDGE = 260.0, 120.0, 14.0  # of a chart, and its margin, in SVG units


@dataclass(frozen=True, slots=True)
class Point:
    """A figure after a number of passes: where it is drawn, its value as text, and its interval.

    `difference` and `ends`, of its interval, are empty where there are none.
    """

    number: int
    x: float
    y: float
    value: str
    difference: str
    ends: str
    bar: Bar[PassFigure]

    @property
    def apart(self) -> bool:
        """Whether the interval excludes zero."""
        return self.bar.position in ("above zero", "below zero")


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
        values = [row["value"] for row in rows]
        self._least, self._most = min(values), max(values)

    def place(self, rows: Sequence[Row]) -> list[Point]:
        return [self._place_bar(bar) for bar in build_bars([PassFigure(**row) for row in rows])]

    def _place_bar(self, bar: Bar[PassFigure]) -> Point:
        figure = bar.result
        return Point(
            figure.number, self._to_x(figure.number), self._to_y(figure.value),
            format_value(figure.value), format_difference(figure.difference),
            format_ends(figure.low, figure.high), bar,
        )  # fmt: skip

    def _to_x(self, number: int) -> float:
        last = max(1, len(self._numbers) - 1)
        share = self._numbers.index(number) / last
        return round(EDGE + (WIDTH - 2 * EDGE) * share, 1)

    def _to_y(self, value: float) -> float:
        width = self._most - self._least
        share = (value - self._least) / width if width else 0.5
        return round(HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * share, 1)


def format_value(value: float) -> str:
    """Four significant digits."""
    return f"{value:.4g}".replace("-", "−")


def format_difference(difference: float | None) -> str:
    """A difference to pass 0; "" for pass 0 itself."""
    return "" if difference is None else f"{difference:+.3g}".replace("-", "−")


def format_ends(low: float | None, high: float | None) -> str:
    """The ends of an interval, as "−0.2 to −0.04"; "" without one."""
    return "" if low is None else f"{low:+.3g} to {high:+.3g}".replace("-", "−")


def describe_difference(row: Row) -> str:
    """A difference to pass 0 with its interval, as "−0.12 (−0.2 to −0.04)"; "" for pass 0."""
    ends = format_ends(row["low"], row["high"])
    return format_difference(row["difference"]) + (f" ({ends})" if ends else "")
