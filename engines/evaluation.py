"""What a metric is: a module in `engines/evaluate/`, and what it gives."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from data.specs import EmbedSpec


@dataclass(frozen=True, slots=True)
class Score:
    """What a metric says of a video, and why where it could not do better than its worst."""

    value: float
    reason: str | None = None


class Metric(Protocol):
    """A module in `engines/evaluate/` has a class `Metric(clip)`, and `VERSION`.

    `better` says for each name it measures which way is good; `clip` is the bank's CLIP.
    """

    better: Mapping[str, Literal["higher", "lower"]]

    def __init__(self, clip: EmbedSpec) -> None: ...

    def load(self, threads: int | None) -> None: ...

    def score(self, frames: np.ndarray, asked: Mapping[str, str]) -> Mapping[str, Score]:
        """Scores by name of (n, height, width, 3) bytes; `asked` is the prompt's row."""
        ...
