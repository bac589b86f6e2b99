"""The page of a retrieval experiment: mean results by condition, and every prompt's videos."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data.runs.evaluations import TOO_FEW
from data.runs.generations import media_path
from data.store import layout
from data.store.storage import Store
from engines.evaluate.paired_difference import PairedDifference
from engines.evaluate.protocol import Score
from engines.report.differences import Bar, build_bars, build_figures
from engines.report.html import Figure, format_time, link_media

Row = Mapping[str, Any]  # of tables.SCORES: one metric of one video

# By what an experiment varies: the title of its page, and what its conditions are.
ABOUT = {
    "retrieval": (
        "Does retrieval help?",
        "without clips, with the best clips, and, as a control, with the clips of another prompt.",
    ),
    "motion": (
        "Does retrieved motion help?",
        "without clips, with the motion of the best clips (in context, the best alone, their mean),"
        " and as controls with that of another prompt's clips, of clips played backwards and, where"
        " it is known, of the clip that the video should have been.",
    ),
}


@dataclass(frozen=True, slots=True)
class Trial:
    """A prompt's video under a condition, with its scores by metric."""

    condition: str
    src: str | None
    scores: Mapping[str, Score] = field(default_factory=dict)

    def classify_score(self, metric: str) -> str:
        """Returns how to show a score: "yes", "no", "number", or "none" if it was not measured."""
        value = self.scores[metric].value
        return {None: "none", 1.0: "yes", 0.0: "no"}.get(value, "number")


@dataclass(frozen=True, slots=True)
class PromptTrials:
    """A prompt under every condition; `gain` is what clips add to the first metric."""

    id: str
    text: str
    trials: Mapping[str, Trial]
    gain: float | None = None


@dataclass(frozen=True, slots=True)
class ExperimentPage:
    """The values that experiment.html shows; `results` are in the order of the columns.

    `changed` is how many videos are not those that were measured any more, and have no scores. Of
    an `in_one_row` page all conditions stand side by side, else those of each controller.
    `distances` are those of conditions to the corpus, if they were measured.
    """

    title: str
    lead: str
    results: Sequence[PairedDifference]
    prompts: list[PromptTrials]
    about: Mapping[str, str]
    figures: list[Figure] = field(default_factory=list)
    shape: str = "16 / 9"
    changed: int = 0
    in_one_row: bool = False
    distances: Sequence[Mapping[str, Any]] = ()

    @property
    def tables(self) -> list[tuple[str, list[Bar[PairedDifference]]]]:
        """The results of each metric, with their intervals on one scale."""
        metrics = dict.fromkeys(result.metric for result in self.results)
        by_metric = {name: [r for r in self.results if r.metric == name] for name in metrics}
        return [(name, build_bars(results)) for name, results in by_metric.items()]

    @property
    def columns(self) -> int:
        """The number of videos in a row: one for each k, and one for shuffled clips."""
        if self.in_one_row:
            return len({result.condition for result in self.results})
        return len({result.k for result in self.results}) + 1

    def find_column(self, result: PairedDifference) -> int:
        """Returns the column of a condition, from 1."""
        if self.in_one_row:
            names = list(dict.fromkeys(each.condition for each in self.results))
            return names.index(result.condition) + 1
        ks = sorted({each.k for each in self.results})
        return self.columns if result.shuffled else ks.index(result.k) + 1

    @property
    def conditions_by_controller(self) -> list[tuple[str, list[PairedDifference]]]:
        """The conditions of each controller: each is one row of a prompt's videos."""
        # A metric may have no value under a condition that another has values under.
        by_controller: dict[str, dict[str, PairedDifference]] = {}
        for result in self.results:
            by_controller.setdefault(result.controller, {}).setdefault(result.condition, result)
        return [(controller, list(each.values())) for controller, each in by_controller.items()]

    @property
    def rows(self) -> list[tuple[str, list[PairedDifference]]]:
        """The rows of a prompt's videos, each with its heading."""
        each = self.conditions_by_controller
        return [("", [c for _, some in each for c in some])] if self.in_one_row else each

    @property
    def lacks_intervals(self) -> str | None:
        """Says which results have no interval; None if all have one."""
        few = any(result.low is None for result in self.results)
        return f"Means over {TOO_FEW} prompts have no interval." if few else None


def build_experiment_page(
    store: Store, recorded: Mapping[str, Any], results: list[PairedDifference],
    rows: Sequence[Row], page: Path, changed: int = 0,
    distances: Sequence[Mapping[str, Any]] = (),
) -> ExperimentPage:  # fmt: skip
    """Builds the page of an experiment from its `spec.json`, its results and its scores."""
    prompts = group_by_prompt(rows, results, store, page)
    spec, conditions = recorded["spec"]["generate"], {result.condition for result in results}
    varies = recorded.get("varies", "retrieval")  # not in records before 0.7.0
    title, compared = ABOUT[varies]
    lead = f"{len(prompts):,} prompts under {len(conditions)} conditions, with the same seeds: "
    about = {
        "experiment": recorded["experiment"],
        "corpus": recorded["corpus"],
        "made": format_time(recorded["made"]),
        "video": f"{spec['width']} × {spec['height']}, {spec['frames']} frames",
        "sampling": f"{spec['steps']} steps, guidance {spec['guidance']:g}, seed {spec['seed']}",
    }
    shape = f"{spec['width']} / {spec['height']}"
    return ExperimentPage(
        title,
        lead + compared,
        results,
        prompts,
        about,
        build_figures(results),
        shape,
        changed,
        in_one_row=varies == "motion",
        distances=distances,
    )


def group_by_prompt(
    rows: Iterable[Row], results: Sequence[PairedDifference], store: Store, page: Path
) -> list[PromptTrials]:
    """Groups the first sample of every prompt under every condition, in the order of the rows."""
    first: dict[str, str] = {}
    samples: dict[str, list[Row]] = {}
    for row in rows:
        # Request ids are equal under all conditions, so this keeps the same sample of each.
        if first.setdefault(row["prompt_id"], row["request_id"]) == row["request_id"]:
            samples.setdefault(row["prompt_id"], []).append(row)
    return [_build_prompt(scores, results, store, page) for scores in samples.values()]


def _build_prompt(
    rows: Sequence[Row], results: Sequence[PairedDifference], store: Store, page: Path
) -> PromptTrials:
    by_condition: dict[str, list[Row]] = {}
    for row in rows:
        by_condition.setdefault(row["condition"], []).append(row)
    trials = {name: _build_trial(name, scores, store, page)
              for name, scores in by_condition.items()}  # fmt: skip
    id, text = rows[0]["prompt_id"], rows[0]["prompt"]
    return PromptTrials(id, text, trials, compute_gain(trials, results))


def compute_gain(trials: Mapping[str, Trial], results: Sequence[PairedDifference]) -> float | None:
    """Computes by how much the first controller's most clips raise the first metric above k=0."""
    if not results:
        return None
    first = results[0]
    most = max(
        (r for r in results if r.controller == first.controller and not r.shuffled),
        key=lambda r: r.k,
    )
    compared = [trials.get(each.condition) for each in (first, most)]
    scores = [trial.scores.get(first.metric) for trial in compared if trial]
    values = [score.value for score in scores if score and score.value is not None]
    return values[1] - values[0] if len(values) == 2 else None  # either may be unmeasured


def _build_trial(condition: str, rows: Sequence[Row], store: Store, page: Path) -> Trial:
    name = f"{layout.generation_folder(rows[0]['run'])}/{media_path(rows[0]['request_id'])}"
    scores = {row["metric"]: Score(row["value"], row["reason"]) for row in rows}
    return Trial(condition, link_media(store, name, page), scores)
