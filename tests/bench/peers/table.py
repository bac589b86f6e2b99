"""The table of peers: one row each, as in docs/performance.md."""

from collections.abc import Sequence
from dataclasses import dataclass

HEAD = (
    "with", "precision", "frames/s, start-up included", "frames/s, once warm", "peak memory, MB",
    "cosine to the loop", "8 clips and a broken one",
)  # fmt: skip


@dataclass(slots=True)
class Row:
    """What was measured of a peer; `skipped` says why nothing was."""

    name: str
    precision: str
    skipped: str = ""
    whole: float = float("nan")
    warm: float = float("nan")
    memory: float = float("nan")
    cosine: float = float("nan")
    note: str = ""  # beside the cosine
    broken: str = ""


def format_table(frames: int, rows: Sequence[Row]) -> str:
    """Markdown: a line that says how many frames, and a row for each peer."""
    lines = [f"{frames:,} frames:", "", _join(HEAD), "|---" * len(HEAD) + "|"]
    return "\n".join([*lines, *(_join(_format_cells(row)) for row in rows), ""])


def _format_cells(row: Row) -> Sequence[str]:
    if row.skipped:
        return (row.name, row.precision, f"skipped: {row.skipped}", "", "", "", "")
    cosine = _format(row.cosine, ".4f") + (f" {row.note}" if row.note else "")
    rates = (_format(row.whole, ".1f"), _format(row.warm, ".1f"), _format(row.memory, ",.0f"))
    return (row.name, row.precision, *rates, cosine, row.broken)


def _format(value: float, how: str) -> str:
    return "–" if value != value else format(value, how)


def _join(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
