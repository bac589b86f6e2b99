"""The page of a question to a corpus: the answer's claims, and the moments that they rest on."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engines.report.html import Figure
from engines.report.retrieval import Clip


@dataclass(frozen=True, slots=True)
class CitedClaim:
    """A sentence of an answer with the numbers that it cites."""

    text: str
    cites: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AskPage:
    """The values that ask.html shows; `kinds` are the clips' kinds of evidence, in their order."""

    title: str
    lead: str
    claims: tuple[CitedClaim, ...]
    clips: list[Clip]
    kinds: list[str]
    about: Mapping[str, str]
    figures: list[Figure] = field(default_factory=list)
    shape: str = "16 / 9"
