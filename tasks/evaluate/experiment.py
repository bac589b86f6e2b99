"""Experiments: scores of runs generated under several conditions, and the experiment's record."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from data.catalog.merge_summaries import sync_experiments
from data.runs.evaluations import read_scores, read_videos
from data.runs.generations import Run, read_generations
from data.specs.pipeline import ExperimentSpec, fingerprint
from data.stamps import utc_now
from data.store import layout, tables
from data.workspace import Workspace
from engines.base import load_plugin
from engines.embed.weights import digest_file
from engines.evaluate.paired_difference import PairedDifference, compare_conditions
from tasks.evaluate.conditions import Condition

Rows = list[dict[str, Any]]
Distances = tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Experiment:
    """An experiment in the store; its fingerprint depends on the runs that it compares.

    It `varies` retrieval, or how the motion of what was retrieved is used. `weights` are the files
    of its metrics' models, by name; `distances` those of conditions to real clips, if measured.
    """

    corpus: str
    spec: ExperimentSpec
    runs: Mapping[Condition, Run]
    varies: str = "retrieval"
    weights: Mapping[str, str] = field(default_factory=dict)
    distances: Distances = ()

    @cached_property
    def fingerprint(self) -> str:
        """12 hex digits."""
        versions = [load_plugin("evaluate.metrics", name).VERSION for name in self.spec.metrics]
        files = [digest_file(self.weights[name]) for name in sorted(self.weights)]
        runs = [run.fingerprint for run in self.runs.values()]
        return fingerprint(self.spec, "1", *versions, *files, *runs)

    @property
    def folder(self) -> str:
        return layout.experiment_folder(self.fingerprint)


def list_scores(workspace: Workspace, run: Run, condition: Condition, evaluation: str) -> Rows:
    """The scores of a run's videos in an evaluation, as rows of `tables.SCORES`."""
    shared = asdict(condition) | {"condition": condition.name, "run": run.fingerprint}
    names = ("request_id", "prompt_id", "prompt")
    requests = {
        row["request_id"]: {n: row[n] for n in names}
        for row in read_generations(workspace.store, run)
    }
    for video in read_videos(workspace.store, evaluation):
        requests[video["id"]]["content"] = video["content"] or ""
    return [
        shared | requests[row["id"]] | {key: row[key] for key in ("metric", "value", "reason")}
        for row in read_scores(workspace.store, evaluation)
        if row["subject"] is None  # scores of single subjects are parts of the video's
    ]


@task(name="record-experiment", cache_policy=NO_CACHE, persist_result=False)
def record_experiment(
    workspace: Workspace, experiment: Experiment, rows: Rows
) -> list[PairedDifference]:
    """Compares the conditions, and writes scores, spec and results; the comparisons."""
    # Results are written last: an experiment without them counts as unfinished.
    results = compare_conditions(rows)
    store, folder = workspace.store, experiment.folder
    tables.write_rows(store, f"{folder}/rows.parquet", tables.SCORES, rows)
    record = {"experiment": experiment.fingerprint, "corpus": experiment.corpus, "made": utc_now()}
    runs = {condition.name: run.fingerprint for condition, run in experiment.runs.items()}
    made_by = {"varies": experiment.varies, "spec": experiment.spec.model_dump(), "runs": runs}
    spec = record | made_by
    store.write(layout.spec_file(folder), json.dumps(spec, indent=2).encode())
    summary = record | {"results": [asdict(result) for result in results]}
    summary |= {"distances": list(experiment.distances)} if experiment.distances else {}
    store.write(f"{folder}/summary.json", json.dumps(summary, indent=2).encode())
    with workspace.open_catalog() as catalog:
        sync_experiments(catalog, store)
    return results
