"""The page of a retrieval: every prompt with the clips that it retrieved, playing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from data.records import Hit
from data.timecode import format_seconds
from engines.files.time_span import narrow_span, split_span, strip_span
from engines.report.html import Figure, link_uri


@dataclass(frozen=True, slots=True)
class Clip:
    """A retrieved clip, the link that plays it, and what it lacks of the prompt.

    `src` is None if a browser cannot reach the clip. `differs` names the requested attributes that
    the clip does not show; it is None where these are not known.
    """

    hit: Hit
    src: str | None
    differs: tuple[str, ...] | None = None

    @property
    def file(self) -> str:
        """The link of the whole file, where the clip is a span of it."""
        return strip_span(self.src or "")

    @property
    def window(self) -> tuple[float, float] | None:
        """The seconds of the file that play, in a loop; None for all of it."""
        span = split_span(self.src or "")[1]
        return None if span is None or span.end is None else (span.start, span.end)

    @property
    def times(self) -> str:
        """The window as people read it, "0:12.5 to 0:20.0"; empty for all of the clip."""
        return " to ".join(map(format_seconds, self.window)) if self.window else ""


@dataclass(frozen=True, slots=True)
class PromptHits:
    """A prompt with the clips that it retrieved, best first, out of `k` requested.

    `attributes` are what the prompt asks for, by name, where that is known.
    """

    prompt: str
    clips: list[Clip]
    k: int
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def correct(self) -> int:
        """How many of the clips show everything that the prompt asks for."""
        return sum(clip.differs == () for clip in self.clips)


@dataclass(frozen=True, slots=True)
class RetrievalPage:
    """The values that retrieval.html shows; `shape` is the clips' aspect ratio in CSS."""

    title: str
    lead: str
    prompts: list[PromptHits]
    about: Mapping[str, str]
    figures: list[Figure] = field(default_factory=list)
    shape: str = "16 / 9"

    @property
    def is_judged(self) -> bool:
        """Whether it is known what any prompt asks for."""
        return any(prompt.attributes for prompt in self.prompts)

    @property
    def misses(self) -> int:
        """How many prompts have a clip that does not show what they ask for."""
        return sum(prompt.correct < len(prompt.clips) for prompt in self.prompts)


def locate_hit(hit: Hit) -> str:
    """The address of what was retrieved: of a moment, its seconds of the video."""
    if hit.start_sec is None or hit.end_sec is None:
        return hit.uri
    return narrow_span(hit.uri, hit.start_sec, hit.end_sec)


def group_hits(hits: Iterable[Hit], k: int, page: Path) -> list[PromptHits]:
    """Groups hits by prompt, in the order of their table, where a prompt's hits are adjacent."""
    by_prompt = groupby(hits, key=lambda hit: (hit.prompt_id, hit.prompt))
    return [
        PromptHits(prompt, [Clip(hit, link_uri(locate_hit(hit), page)) for hit in group], k)
        for (_, prompt), group in by_prompt
    ]
