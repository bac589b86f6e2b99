"""A benchmark clip on the leaderboard's page: each method's video of it, with its scores."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from engines.report.leaderboard.table import Column

TIE_TOLERANCE = 5e-4  # scores that look the same with three decimals are both marked best


@dataclass(frozen=True, slots=True)
class VideoScore:
    """A score of a video; `parts` are the scores of its subjects, in one line."""

    column: Column
    value: float | None
    reason: str | None = None
    parts: str = ""
    best: bool = False


@dataclass(frozen=True, slots=True)
class Trial:
    """A method's video of a clip; `src` is None if it cannot be played.

    `failed` says why it could not be measured; `leaked` names the videos that conditioned it and
    show the clip itself. A video that has `changed` since it was measured has no scores.
    """

    method: str
    evaluation: str
    src: str | None
    scores: tuple[VideoScore, ...] = ()
    about: str = ""
    failed: str | None = None
    leaked: tuple[str, ...] = ()
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Clip:
    """A benchmark clip: its prompt, and its real video and conditioning image if there are any."""

    id: str
    prompt: str
    mode: str | None = None
    real: str | None = None
    image: str | None = None
    trials: tuple[Trial, ...] = ()
    leaks: tuple[str, ...] = ()

    @property
    def failures(self) -> int:
        """How many of its videos could not be measured."""
        return sum(trial.failed is not None for trial in self.trials)

    def mean(self, metric: str) -> float | None:
        """Averages a metric over the methods, negated if lower is better, to sort clips by."""
        scores = [s for t in self.trials for s in t.scores if s.column.metric == metric]
        values = [-s.value if s.column.better == "lower" else s.value
                  for s in scores if s.value is not None]  # fmt: skip
        return fmean(values) if values else None


def mark_best(trials: Sequence[Trial]) -> Iterator[Trial]:
    """Yields the trials with the best value of each metric marked."""
    values: dict[str, list[float]] = {}
    for score in (score for trial in trials for score in trial.scores):
        if score.value is not None:
            values.setdefault(score.column.metric, []).append(score.value)
    for trial in trials:
        yield replace(trial, scores=tuple(_mark_score(score, values) for score in trial.scores))


def _mark_score(score: VideoScore, by_metric: Mapping[str, list[float]]) -> VideoScore:
    values = by_metric.get(score.column.metric, [])
    # The only value of a metric is not the best of anything.
    if score.value is None or len(values) < 2:
        return score
    top = max(values) if score.column.better == "higher" else min(values)
    return replace(score, best=abs(score.value - top) < TIE_TOLERANCE)
