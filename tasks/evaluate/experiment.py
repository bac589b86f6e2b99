"""What was measured of runs generated under several conditions, and keeping what was found."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from data.catalog.merge_summaries import sync_experiments
from data.runs.evaluations import scores
from data.runs.generations import Run, generations, now
from data.specs.pipeline import ExperimentSpec, fingerprint
from data.store import layout, tables
from data.workspace import Workspace
from engines.base import plugin
from engines.evaluate.paired_difference import Result
from tasks.evaluate.conditions import Condition

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Experiment:
    """An experiment in the store; its fingerprint hangs on the runs that it compares."""

    corpus: str
    spec: ExperimentSpec
    runs: Mapping[Condition, Run]

    @cached_property
    def fingerprint(self) -> str:
        """12 hex digits."""
        versions = [plugin("evaluate.metrics", name).VERSION for name in self.spec.metrics]
        return fingerprint(self.spec, "1", *versions, *(r.fingerprint for r in self.runs.values()))

    @property
    def folder(self) -> str:
        return layout.experiment(self.fingerprint)


def measured(workspace: Workspace, run: Run, condition: Condition, evaluation: str) -> Rows:
    """Rows of `tables.SCORES`: what an evaluation of a run found of each of its videos."""
    said = asdict(condition) | {"condition": condition.name, "run": run.fingerprint}
    names = ("request_id", "prompt_id", "prompt")
    about = {
        row["request_id"]: {n: row[n] for n in names} for row in generations(workspace.store, run)
    }
    return [
        said | about[row["id"]] | {key: row[key] for key in ("metric", "value", "reason")}
        for row in scores(workspace.store, evaluation)
        if row["subject"] is None
    ]


@task(name="record-experiment", cache_policy=NO_CACHE, persist_result=False)
def record(workspace: Workspace, experiment: Experiment, rows: Rows, results: list[Result]) -> None:
    """Writes scores, then spec, then the results, which make the experiment a finished one."""
    store, folder = workspace.store, experiment.folder
    tables.write(store, f"{folder}/rows.parquet", tables.SCORES, rows)
    said = {"experiment": experiment.fingerprint, "corpus": experiment.corpus, "made": now()}
    runs = {condition.name: run.fingerprint for condition, run in experiment.runs.items()}
    spec = said | {"spec": experiment.spec.model_dump(), "runs": runs}
    store.write(layout.spec(folder), json.dumps(spec, indent=2).encode())
    found = said | {"results": [asdict(result) for result in results]}
    store.write(f"{folder}/summary.json", json.dumps(found, indent=2).encode())
    with workspace.catalog() as catalog:
        sync_experiments(catalog, store)
