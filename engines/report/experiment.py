"""The static page of an experiment: what conditions gave on average, and for every prompt."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from data.runs.generations import media
from data.store import layout
from data.store.storage import Store
from engines.evaluate.paired_difference import Result
from engines.evaluate.protocol import Score
from engines.report.html import Figure, own

Row = Mapping[str, Any]  # of tables.SCORES: a metric of a video


@dataclass(frozen=True, slots=True)
class Trial:
    """A prompt's video under a condition, and its scores by metric; `src` is None without one."""

    condition: str
    src: str | None
    scores: Mapping[str, Score] = field(default_factory=dict)

    def kind(self, metric: str) -> str:
        """How to show a score: yes, no, or a number."""
        value = self.scores[metric].value
        return {None: "none", 1.0: "yes", 0.0: "no"}.get(value, "number")


@dataclass(frozen=True, slots=True)
class Compared:
    """A prompt under every condition; `gain` is what clips add to the first metric."""

    id: str
    text: str
    trials: Mapping[str, Trial]
    gain: float | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    """A result and where its interval is drawn, in percent of the width all results share."""

    result: Result
    zero: float
    low: float
    high: float
    at: float

    @property
    def says(self) -> str:
        """Where the interval lies."""
        if self.result.low > 0:
            return "above zero"
        return "below zero" if self.result.high < 0 else "includes zero"


@dataclass(frozen=True, slots=True)
class ExperimentPage:
    """All that is shown; `results` are in the order of the conditions' columns."""

    title: str
    lead: str
    results: Sequence[Result]
    prompts: list[Compared]
    about: Mapping[str, str]
    figures: list[Figure] = field(default_factory=list)
    shape: str = "16 / 9"

    @property
    def tables(self) -> list[tuple[str, list[Bar]]]:
        """The results of each metric, with the intervals on one scale."""
        metrics = dict.fromkeys(result.metric for result in self.results)
        return [(name, bars([r for r in self.results if r.metric == name])) for name in metrics]

    @property
    def columns(self) -> int:
        """Places in a line: one for each k, and one for shuffled clips."""
        return len({result.k for result in self.results}) + 1

    def place(self, result: Result) -> int:
        """The place of a condition in its line, from 1."""
        ks = sorted({each.k for each in self.results})
        return self.columns if result.shuffled else ks.index(result.k) + 1

    @property
    def lines(self) -> list[tuple[str, list[Result]]]:
        """The conditions of each controller, as each prompt's videos are laid out."""
        first = [r for r in self.results if r.metric == self.results[0].metric]
        return [(name, list(some)) for name, some in groupby(first, key=lambda r: r.controller)]


def bars(results: Sequence[Result]) -> list[Bar]:
    """Intervals side by side: zero is in the scale."""
    least = min(0.0, *(result.low for result in results))
    width = (max(0.0, *(result.high for result in results)) - least) or 1.0

    def share(value: float) -> float:
        return round(2 + 96 * (value - least) / width, 2)

    return [Bar(r, share(0.0), share(r.low), share(r.high), share(r.difference)) for r in results]


def figures(results: Sequence[Result]) -> list[Figure]:
    """The first metric without clips, with the most of them, and with shuffled ones."""
    first = [result for result in results if result.metric == results[0].metric]
    most = max(result.k for result in first)
    return [
        Figure(f"{r.metric.replace('_', ' ')}, {r.condition}", f"{r.mean:.3f}", note=_apart(r))
        for r in first
        if r.k in (0, most)
    ]


def _apart(result: Result) -> str:
    if not result.k:
        return f"{result.n:,} videos"
    said = f"{result.difference:+.2f} ({result.low:+.2f} to {result.high:+.2f})"
    return said.replace("-", "−")


def experiment_page(
    store: Store, said: Mapping[str, Any], results: list[Result], rows: Sequence[Row], page: Path
) -> ExperimentPage:
    """The page of an experiment's `spec.json`, results and scores."""
    prompts = compared(rows, results, store, page)
    spec, conditions = said["spec"]["generate"], {result.condition for result in results}
    lead = (
        f"{len(prompts):,} prompts under {len(conditions)} conditions, with the same seeds: without"
        " clips, with the best of them, and, as a control, with those that another prompt found."
    )
    about = {
        "experiment": said["experiment"],
        "corpus": said["corpus"],
        "made": said["made"],
        "video": f"{spec['width']} × {spec['height']}, {spec['frames']} frames",
        "sampling": f"{spec['steps']} steps, guidance {spec['guidance']:g}, seed {spec['seed']}",
    }
    shape = f"{spec['width']} / {spec['height']}"
    return ExperimentPage(
        "Does retrieval help?", lead, results, prompts, about, figures(results), shape
    )


def compared(
    rows: Iterable[Row], results: Sequence[Result], store: Store, page: Path
) -> list[Compared]:
    """The first sample of every prompt under every condition."""
    first: dict[str, str] = {}
    mine: dict[str, list[Row]] = {}
    for row in rows:
        if first.setdefault(row["prompt_id"], row["request_id"]) == row["request_id"]:
            mine.setdefault(row["prompt_id"], []).append(row)
    return [_compared(some, results, store, page) for some in mine.values()]


def _compared(rows: Sequence[Row], results: Sequence[Result], store: Store, page: Path) -> Compared:
    by: dict[str, list[Row]] = {}
    for row in rows:
        by.setdefault(row["condition"], []).append(row)
    trials = {name: _trial(name, some, store, page) for name, some in by.items()}
    said = rows[0]
    return Compared(said["prompt_id"], said["prompt"], trials, gain(trials, results))


def gain(trials: Mapping[str, Trial], results: Sequence[Result]) -> float | None:
    """By how much the most clips of the first controller raise the first metric above k=0."""
    first = results[0]
    most = max(
        (r for r in results if r.controller == first.controller and not r.shuffled),
        key=lambda r: r.k,
    )
    found = [trials.get(each.condition) for each in (first, most)]
    scores = [trial.scores.get(first.metric) for trial in found if trial]
    values = [score.value for score in scores if score and score.value is not None]
    return values[1] - values[0] if len(values) == 2 else None


def _trial(condition: str, rows: Sequence[Row], store: Store, page: Path) -> Trial:
    name = f"{layout.generation(rows[0]['run'])}/{media(rows[0]['request_id'])}"
    scores = {row["metric"]: Score(row["value"], row["reason"]) for row in rows}
    return Trial(condition, own(store, name, page), scores)
