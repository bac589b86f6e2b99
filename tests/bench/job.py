"""What a section is told: where to write, how large to measure."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Job:
    """`out` outlives the run (weights, clips); `scratch` does not (stores)."""

    out: Path
    scratch: Path
    quick: bool

    def size(self, full: T, quick: T) -> T:
        return quick if self.quick else full
