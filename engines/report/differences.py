"""Draws differences: their intervals on one scale, and the figures of an experiment's head."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from engines.evaluate.paired_difference import PairedDifference
from engines.report.html import Figure


class Difference(Protocol):
    """A difference to what a result is compared with, and the ends of its interval, if any."""

    @property
    def difference(self) -> float | None: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...


Result = TypeVar("Result", bound=Difference)


@dataclass(frozen=True, slots=True)
class Bar(Generic[Result]):
    """A result and where to draw its interval, in percent of the width that all results share.

    `low` and `high` are None where there is no interval, `at` where there is no difference.
    """

    result: Result
    zero: float
    low: float | None
    high: float | None
    at: float | None

    @property
    def position(self) -> str:
        """Where the interval lies relative to zero; "unknown" without one."""
        low, high = self.result.low, self.result.high
        if low is None or high is None:
            return "unknown"
        if low > 0:
            return "above zero"
        return "below zero" if high < 0 else "includes zero"


def build_bars(results: Sequence[Result]) -> list[Bar[Result]]:
    """Places intervals on one scale, which always contains zero."""
    ends = [each for r in results for each in (r.low, r.difference, r.high) if each is not None]
    # Zero is always on the scale: whether an interval includes it is the question.
    least = min([0.0, *ends])
    width = (max([0.0, *ends]) - least) or 1.0

    def to_percent(value: float) -> float:
        # A margin of 2 % keeps the ends of the widest interval visible.
        return round(2 + 96 * (value - least) / width, 2)

    def place_end(value: float | None) -> float | None:
        return None if value is None else to_percent(value)

    return [
        Bar(r, to_percent(0.0), place_end(r.low), place_end(r.high), place_end(r.difference))
        for r in results
    ]


def build_figures(results: Sequence[PairedDifference]) -> list[Figure]:
    """Shows the first metric without clips, with the most clips, and with shuffled ones."""
    first = [result for result in results if result.metric == results[0].metric]
    most = max((result.k for result in first), default=0)
    return [
        Figure(f"{r.metric.replace('_', ' ')}, {r.condition}", f"{r.mean:.3f}", note=_describe(r))
        for r in first
        if r.k in (0, most)
    ]


def _describe(result: PairedDifference) -> str:
    if not result.k:
        return f"{result.n:,} videos"
    difference = f"{result.difference:+.2f}"
    if result.low is not None and result.high is not None:
        difference += f" ({result.low:+.2f} to {result.high:+.2f})"
    return difference.replace("-", "−")  # the sign of typography, as wide as the plus
