"""The experiment "do texts help?": runs of answers under several conditions, compared."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from data.specs.base import Spec
from data.specs.pipeline import fingerprint
from data.stamps import utc_now
from data.store import layout
from data.store.storage import Store
from engines.evaluate.answers.accuracy import GROUPS
from engines.evaluate.answers.difference import AccuracyDifference, compare_verdicts
from engines.evaluate.answers.verdicts import Verdict
from tasks.answer.conditions import BASELINE
from tasks.answer.scoring import JudgedRun

VERSION = "1"
ALL = ("all", "all")


@dataclass(frozen=True, slots=True)
class TextResult:
    """Questions of a group under a condition, against the same ones without texts."""

    condition: str
    group: str
    name: str
    difference: AccuracyDifference


@dataclass(frozen=True)
class TextExperiment:
    """An experiment in the store; its fingerprint depends on the runs that it compares."""

    corpus: str
    questions: str
    spec: Spec
    runs: Mapping[str, JudgedRun]

    @cached_property
    def fingerprint(self) -> str:
        """12 hex digits."""
        runs = [f"{name} {run.record['run']}" for name, run in self.runs.items()]
        return fingerprint(self.spec, VERSION, *runs)

    @property
    def folder(self) -> str:
        return layout.text_experiment_folder(self.fingerprint)


def compare_runs(runs: Mapping[str, JudgedRun]) -> list[TextResult]:
    """Each condition's result, of all questions and by task type and duration."""
    baseline = runs[BASELINE].verdicts
    results = []
    for condition, run in runs.items():
        for group, name in [ALL, *_list_groups(baseline)]:
            chosen = [v for v in run.verdicts if _is_in(v, group, name)]
            if (difference := compare_verdicts(chosen, baseline)) is not None:
                results.append(TextResult(condition, group, name, difference))
    return results


def _list_groups(verdicts: Sequence[Verdict]) -> list[tuple[str, str]]:
    named = [
        (group, getattr(verdict.question, GROUPS[group]))
        for group in ("task type", "duration")
        for verdict in verdicts
    ]
    return list(dict.fromkeys((group, name) for group, name in named if name is not None))


def _is_in(verdict: Verdict, group: str, name: str) -> bool:
    return (group, name) == ALL or getattr(verdict.question, GROUPS[group]) == name


def record_results(
    store: Store, experiment: TextExperiment, results: Sequence[TextResult]
) -> dict[str, Any]:
    """Writes the experiment's record with its results; what it wrote."""
    record = {
        "experiment": experiment.fingerprint, "corpus": experiment.corpus, "made": utc_now(),
        "questions": experiment.questions, "spec": experiment.spec.model_dump(),
        "runs": {name: run.record["run"] for name, run in experiment.runs.items()},
        "results": [_flatten(result) for result in results],
    }  # fmt: skip
    # One file: an experiment that was cut short has none, and is run again.
    name = f"{experiment.folder}/summary.json"
    store.write(name, json.dumps(record, indent=2).encode())
    return record


def _flatten(result: TextResult) -> dict[str, Any]:
    labels = {"condition": result.condition, "group": result.group, "name": result.name}
    return labels | asdict(result.difference)
