"""What the dedup stage compares, and what it finds: contents with candidates, and pairs."""

from dataclasses import dataclass

from engines.dedup.alignment import Alignment
from engines.dedup.frames import Place


@dataclass(frozen=True, slots=True)
class Candidate:
    """A content that may be a near-duplicate, by the cosine of pooled vectors.

    `place` is where its frames lie; None where there are none.
    """

    content: str
    similarity: float
    place: Place | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A content to compare with its candidates, frame by frame."""

    content: str
    place: Place | None
    candidates: tuple[Candidate, ...]

    @property
    def id(self) -> str:
        """The content: each is listed once."""
        return self.content

    @property
    def members(self) -> tuple[Candidate, ...]:
        """The content itself, like itself, and its candidates."""
        return (Candidate(self.content, 1.0, self.place), *self.candidates)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two contents that are near-duplicates, `one` the lower.

    `similarity` is that of pooled vectors, the alignment that of their frames, and `pictures` that
    of their pictures; None where these were not compared.
    """

    one: str
    other: str
    similarity: float
    alignment: Alignment
    pictures: float | None = None
