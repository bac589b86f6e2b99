"""The static page of a run of generation: every prompt, its videos, and the clips behind them."""

import shlex
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data.records import Source, Used
from data.runs.generations import Run
from data.store.storage import Store
from engines.report.html import Figure, own, source

Row = Mapping[str, Any]  # of tables.GENERATIONS


@dataclass(frozen=True, slots=True)
class Influence:
    """A retrieved clip and the window of it (seconds) that conditioned a prompt's videos.

    `src` is None where a browser cannot reach the clip or must not, being withdrawn; `passport` is
    the command that lists all it influenced; `others` counts the run's other prompts among that.
    """

    used: Used
    src: str | None
    window: tuple[float, float]
    passport: str
    others: int = 0
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """A generated video, or the reason why there is none."""

    seed: int
    src: str | None
    reason: str | None = None
    detail: str | None = None
    note: str | None = None
    sha256: str | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Prompted:
    """A prompt, what was generated for it, and the clips that conditioned it, best first."""

    id: str
    text: str
    made: list[Made]
    clips: list[Influence]

    @property
    def failed(self) -> int:
        return sum(each.src is None for each in self.made)

    @property
    def best(self) -> float | None:
        """The score of the best clip."""
        return max((clip.used.source.score for clip in self.clips), default=None)

    @property
    def weighed(self) -> bool:
        """Whether the clips weigh differently."""
        return len({clip.used.weight for clip in self.clips}) > 1


@dataclass(frozen=True, slots=True)
class GenerationPage:
    """All that is shown; `shape` is the videos' frame, width by height."""

    title: str
    lead: str
    prompts: list[Prompted]
    about: Mapping[str, str]
    settings: Mapping[str, str] = field(default_factory=dict)
    figures: list[Figure] = field(default_factory=list)
    shape: str = "16 / 9"
    sheet: str | None = None

    @property
    def failed(self) -> int:
        """How many prompts lack a video."""
        return sum(prompt.failed > 0 for prompt in self.prompts)


@dataclass(frozen=True, slots=True)
class Shown:
    """Where a run's files are, seen from its page; contents in `gone` are not to be shown."""

    store: Store
    run: Run
    page: Path
    gone: Collection[str] = ()

    def prompted(self, rows: Iterable[Row]) -> list[Prompted]:
        """The run's rows by prompt, in their order."""
        groups: dict[str, list[Row]] = {}
        for row in rows:
            groups.setdefault(row["prompt_id"], []).append(row)
        seen = Counter(id for some in groups.values() for id in _ids(some))
        return [
            Prompted(
                id, some[0]["prompt"],
                [self._made(row) for row in some],
                [self._influence(hit, seen) for hit in _hits(some)],
            )
            for id, some in groups.items()
        ]  # fmt: skip

    def _made(self, row: Row) -> Made:
        file = f"{self.run.folder}/{row['file']}"
        reason, detail = row["reason"], row["detail"]
        if reason is None and not self.store.exists(file):
            reason, detail = "missing", "its file is gone: generate again"
        src = own(self.store, file, self.page) if reason is None else None
        return Made(row["seed"], src, reason, detail, row["note"], row["sha256"], row["seconds"])

    def _influence(self, hit: Row, seen: Counter[str]) -> Influence:
        fields = ("rank", "video_id", "content", "score", "uri", "caption")
        used = Used(Source(*(hit[name] for name in fields)), hit["start_s"], hit["weight"])
        end = used.start_s + self.run.spec.frames / self.run.spec.fps
        gone, id = hit["content"] in self.gone, hit["video_id"]
        return Influence(
            used, None if gone else source(hit["uri"], self.page),
            (round(used.start_s, 3), round(end, 3)), self._passport(id), seen[id] - 1, gone,
        )  # fmt: skip

    def _passport(self, id: str) -> str:
        ends = ["--"] if id.startswith("-") else []
        return shlex.join(["reelflow", "passport", "--corpus", self.run.corpus, *ends, id])


def _ids(rows: Iterable[Row]) -> set[str]:
    return {hit["video_id"] for row in rows for hit in row["hits"] or ()}


def _hits(rows: Iterable[Row]) -> list[Row]:
    """The clips of a prompt's samples, each window once, best first."""
    found = {(hit["rank"], hit["video_id"]): hit for row in rows for hit in row["hits"] or ()}
    return [found[key] for key in sorted(found)]
