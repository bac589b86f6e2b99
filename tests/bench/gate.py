"""Compares measured ratios with recorded ones: what became slower than its band allows fails."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.pairs import Pairs

FILE = Path(__file__).with_name("recorded.json")
LEAST_BAND, MOST_BAND = 0.2, 0.5  # shares of the ratio
RECORD = "python tests/bench --gate --record"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A ratio and its band, the share by which it may be exceeded."""

    ratio: float
    band: float

    @property
    def most(self) -> float:
        """The highest ratio that passes."""
        return self.ratio * (1 + self.band)


@dataclass(frozen=True, slots=True)
class Line:
    """A ratio beside the recorded one; either is None where there is none."""

    name: str
    measured: float | None
    recorded: Recorded | None

    @property
    def fails(self) -> bool:
        """Whether the gate stays shut: above the band, or recorded and not measured."""
        if self.recorded is None:
            return False
        # Negated, so that NaN, which is above nothing, does not pass.
        return self.measured is None or not self.measured <= self.recorded.most

    @property
    def verdict(self) -> str:
        """What a reader should know, in a few words."""
        if self.recorded is None:
            return f"new: record it by {RECORD}"
        if self.measured is None:
            return f"MISSING: recorded, but not measured; where it is dropped: {RECORD}"
        if self.fails:
            return "SLOWER"
        faster = self.measured < self.recorded.ratio * (1 - self.recorded.band)
        return "faster: record it anew" if faster else "as recorded"

    def row(self) -> str:
        """The line of a Markdown table."""
        figures = [self.measured, self.recorded and self.recorded.ratio,
                   self.recorded and self.recorded.most]  # fmt: skip
        shown = ["–" if value is None else f"{value:.3g}" for value in figures]
        return f"| {' | '.join([self.name, *shown, self.verdict])} |"


def compare(measured: Mapping[str, float], recorded: Mapping[str, Recorded]) -> list[Line]:
    """A line for each ratio that was measured, then for each that only the record has."""
    names = [*measured, *(name for name in recorded if name not in measured)]
    return [Line(name, measured.get(name), recorded.get(name)) for name in names]


def report(lines: list[Line], machine: str = "") -> Iterator[str]:
    """The table, line by line; `machine` is the one that the ratios were recorded on."""
    yield "| ratio | now | recorded | at most | |"
    yield "|---|---|---|---|---|"
    yield from (line.row() for line in lines)
    failed = [line.name for line in lines if line.fails]
    yield ""
    if machine:
        yield f"Recorded on {machine}."
    yield f"Failed: {'; '.join(failed)}." if failed else "No ratio is beyond its band."


def read_recorded(file: Path | None = None) -> tuple[dict[str, Recorded], str]:
    """The recorded ratios by name, and the machine and date of the record; none without a file."""
    file = file or FILE
    if not file.exists():
        return {}, ""
    record = json.loads(file.read_text())
    ratios = {name: Recorded(**each) for name, each in record["ratios"].items()}
    return ratios, f"{record['machine']}, {record['date']}"


def write_recorded(
    measured: Mapping[str, Pairs], machine: str, date: str, file: Path | None = None
) -> None:
    """Records ratios anew; the band is their spread over the turns, 20 to 50 %."""
    ratios = {name: asdict(_to_recorded(pairs)) for name, pairs in measured.items()}
    record: dict[str, Any] = {"machine": machine, "date": date, "ratios": ratios}
    (file or FILE).write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n")


def _to_recorded(pairs: Pairs) -> Recorded:
    band = min(max(pairs.spread, LEAST_BAND), MOST_BAND)
    return Recorded(round(pairs.ratio, 3), round(band, 2))
