"""Figures of passes as rows: one for each figure, for tables and artifacts."""

from collections.abc import Iterable
from typing import Any

from engines.refine.figures import PassFigure


def list_rows(figures: Iterable[PassFigure]) -> list[dict[str, Any]]:
    """A row for each figure of each pass, without empty columns for the ends of intervals."""
    return [
        {
            "figure": each.label, "name": each.name, "class": each.group, "pass": each.number,
            "n": each.n, "value": each.value, "difference": each.difference,
            "low": each.low, "high": each.high, "better": each.better,
        }
        for each in figures
    ]  # fmt: skip
