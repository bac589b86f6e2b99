"""A clip on the leaderboard's page: every method's video of it, with its scores."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from engines.report.leaderboard.table import Column

ALIKE = 5e-4  # scores that look the same are both the best


@dataclass(frozen=True, slots=True)
class Scored:
    """A score under a video; `parts` are those of its subjects, in a line."""

    column: Column
    value: float | None
    reason: str | None = None
    parts: str = ""
    best: bool = False


@dataclass(frozen=True, slots=True)
class Trial:
    """A method's video of a clip; `src` is None where none can be played.

    `failed` says why it could not be measured, `leaked` names the videos that it followed and that
    show the clip itself.
    """

    method: str
    evaluation: str
    src: str | None
    scores: tuple[Scored, ...] = ()
    about: str = ""
    failed: str | None = None
    leaked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip of a benchmark: its prompt, its real video and conditioning image where they lie."""

    id: str
    prompt: str
    mode: str | None = None
    real: str | None = None
    image: str | None = None
    trials: tuple[Trial, ...] = ()
    leaks: tuple[str, ...] = ()

    @property
    def failed(self) -> int:
        return sum(trial.failed is not None for trial in self.trials)

    def mean(self, metric: str) -> float | None:
        """Over the methods, larger where better: what clips are sorted by."""
        found = [s for t in self.trials for s in t.scores if s.column.metric == metric]
        values = [-s.value if s.column.better == "lower" else s.value
                  for s in found if s.value is not None]  # fmt: skip
        return fmean(values) if values else None


def marked(trials: Sequence[Trial]) -> Iterator[Trial]:
    """With the best of several scores marked."""
    known: dict[str, list[float]] = {}
    for score in (score for trial in trials for score in trial.scores):
        if score.value is not None:
            known.setdefault(score.column.metric, []).append(score.value)
    for trial in trials:
        yield replace(trial, scores=tuple(_best(score, known) for score in trial.scores))


def _best(score: Scored, known: Mapping[str, list[float]]) -> Scored:
    values = known.get(score.column.metric, [])
    if score.value is None or len(values) < 2:
        return score
    top = max(values) if score.column.better == "higher" else min(values)
    return replace(score, best=abs(score.value - top) < ALIKE)
