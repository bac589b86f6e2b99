"""The page of near-duplicates: each copy plays beside the video that is kept in its place."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engines.report.html import Figure

Window = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Player:
    """A video as the page shows it: `src` is None where a browser cannot play it.

    `window` is the span that both videos of a pair show, in seconds; None plays all of it.
    """

    id: str
    src: str | None
    facts: str
    caption: str | None = None
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class CopyPair:
    """A copy beside the video that is kept; `relation` is how they differ, in words."""

    group: str
    kept: Player
    copy: Player
    score: float | None
    relation: str
    same_bytes: bool = False


@dataclass(frozen=True, slots=True)
class DuplicatesPage:
    """The values that duplicates.html shows."""

    title: str
    lead: str
    pairs: list[CopyPair]
    about: Mapping[str, str]
    figures: list[Figure] = field(default_factory=list)
    shape: str = "16 / 9"

    @property
    def same_bytes(self) -> int:
        """How many of the copies have the same bytes."""
        return sum(pair.same_bytes for pair in self.pairs)
