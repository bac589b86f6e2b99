"""What a benchmark prints: figures, each with its target where it has one."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number; `least` or `most` is the target it should hold."""

    section: str
    name: str
    value: float
    unit: str
    least: float | None = None
    most: float | None = None

    def verdict(self) -> str:
        """As "≥ 20: met", or "≤ 5: MISSED"; empty where there is no target."""
        if self.least is None and self.most is None:
            return ""
        met = self.value >= self.least if self.least is not None else self.value <= (self.most or 0)
        target = f"≥ {self.least:g}" if self.least is not None else f"≤ {self.most:g}"
        return f"{target}: {'met' if met else 'MISSED'}"

    def row(self) -> str:
        return (
            f"| {self.section} | {self.name} | {self.value:,.4g} {self.unit} | {self.verdict()} |"
        )


def markdown(machine: str, figures: Sequence[Figure]) -> str:
    """The machine, then a row per figure."""
    head = [
        f"Measured on {machine}.",
        "",
        "| section | what | figure | target |",
        "|---|---|---|---|",
    ]
    return "\n".join([*head, *(figure.row() for figure in figures), ""])


def write(folder: Path, machine: dict[str, str], figures: Sequence[Figure]) -> str:
    """Writes `bench.json` and `bench.md`; the text of the latter."""
    said = {"machine": machine, "figures": [asdict(f) | {"verdict": f.verdict()} for f in figures]}
    (folder / "bench.json").write_text(json.dumps(said, indent=2, ensure_ascii=False))
    text = markdown(", ".join(machine.values()), figures)
    (folder / "bench.md").write_text(text)
    return text
