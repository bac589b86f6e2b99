"""Measuring what runs generated under several conditions, and keeping what was found."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from prefect import task
from prefect.cache_policies import NO_CACHE

from data import layout, tables
from data.chain import current, spec_of
from data.evaluate_specs import EvaluateSpec
from data.merge_experiments import sync_experiments
from data.runs import Run, generations, now
from data.specs import EmbedSpec, ExperimentSpec, fingerprint
from data.workplace import Workplace
from engines.base import plugin
from engines.evaluation import Metric, Sample
from engines.perception.models import Models
from engines.video.frames import Resize, Sampling
from tasks.comparison import Result
from tasks.conditions import Condition

Asked = Mapping[str, Mapping[str, str]]
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
        versions = [plugin("evaluate", name).VERSION for name in self.spec.metrics]
        return fingerprint(self.spec, "1", *versions, *(r.fingerprint for r in self.runs.values()))

    @property
    def folder(self) -> str:
        return layout.experiment(self.fingerprint)


def load_metrics(place: Workplace, corpus: str, names: tuple[str, ...]) -> list[Metric]:
    """The metrics, loaded, with the CLIP that the corpus is searched with."""
    embedded = current(place.store, corpus, "embed")
    clip = spec_of(place.store, embedded, EmbedSpec) if embedded else EmbedSpec()
    spec = EvaluateSpec(metrics=names, clip=clip)
    return [plugin("evaluate", name).Metric(spec, Models(spec)) for name in names]


@task(
    name="measure", task_run_name="measure-{condition.name}",
    cache_policy=NO_CACHE, persist_result=False,
)  # fmt: skip
def measure(
    place: Workplace, run: Run, condition: Condition, metrics: list[Metric], asked: Asked
) -> Rows:
    """Rows of `tables.SCORES`: each metric of each video of a run; `asked` by prompt id."""
    said = asdict(condition) | {"condition": condition.name, "run": run.fingerprint}
    rows: Rows = []
    for row in generations(place.store, run):
        if row["reason"] is None:
            frames = _frames(place.store.path(f"{run.folder}/{row['file']}"), row)
            video = Sample(frames, row["fps"], asked[row["prompt_id"]])
            about = said | {name: row[name] for name in ("request_id", "prompt_id", "prompt")}
            for metric in metrics:
                for name, score in metric.score(video).items():
                    found = {"metric": name, "value": score.value, "reason": score.reason}
                    rows.append(about | found)
    return rows


@task(name="record-experiment", cache_policy=NO_CACHE, persist_result=False)
def record(place: Workplace, experiment: Experiment, rows: Rows, results: list[Result]) -> None:
    """Writes scores, then spec, then the results, which make the experiment a finished one."""
    store, folder = place.store, experiment.folder
    with tables.create(store, f"{folder}/rows.parquet", tables.SCORES) as writer:
        writer.write_table(pa.Table.from_pylist(rows, tables.SCORES))
    said = {"experiment": experiment.fingerprint, "corpus": experiment.corpus, "made": now()}
    runs = {condition.name: run.fingerprint for condition, run in experiment.runs.items()}
    spec = said | {"spec": experiment.spec.model_dump(), "runs": runs}
    store.write(layout.spec(folder), json.dumps(spec, indent=2).encode())
    found = said | {"results": [asdict(result) for result in results]}
    store.write(f"{folder}/summary.json", json.dumps(found, indent=2).encode())
    with place.catalog() as catalog:
        sync_experiments(catalog, store)


def _frames(uri: str, row: Mapping[str, Any]) -> np.ndarray:
    """(n, height, width, 3) bytes of a video that a run made."""
    shown = Resize(row["height"], width=row["width"])
    found = plugin("decode", "pyav").frames(uri, Sampling(every_nth=1), shown)
    return np.concatenate([some.pixels for some in found]).transpose(0, 2, 3, 1)
