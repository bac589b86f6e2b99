"""The experiment "does retrieval help?": the same prompts and seeds, with and without clips."""

from dataclasses import asdict
from typing import Any

from prefect import flow

from data.runs.generations import run_of
from data.settings import Settings
from data.specs.evaluate import EvaluateSpec
from data.specs.pipeline import ExperimentSpec
from data.workspace import open_workspace
from engines.evaluate.paired_difference import compare
from flows.evaluate import evaluate
from flows.generate import generate
from tasks.evaluate.conditions import conditions, experiment_spec
from tasks.evaluate.experiment import Experiment, measured, record
from tasks.progress import say
from tasks.ui.artifacts import publish_table


@flow(name="experiment-retrieval", flow_run_name="experiment-retrieval-{corpus}")
def experiment_retrieval(
    corpus: str, prompts: str, spec: ExperimentSpec = experiment_spec()
) -> dict[str, Any]:
    """Generates under each condition, measures, and compares with what no clips gave.

    Conditions are 0 to k clips, for each controller, and k clips that another prompt found. What
    was generated before is not generated again.

    Args:
        corpus: a corpus that was indexed
        prompts: a table of prompts; its other columns say what is asked for, as metrics need it
        spec: what is generated, with which controllers, and how it is measured
    """
    workspace = open_workspace(Settings())
    measure = EvaluateSpec(metrics=spec.metrics, num_frames=None)
    runs, rows = {}, []
    planned = list(conditions(spec.controllers, spec.generate.retrieve.k))
    for condition in planned:
        say(f"{condition.name}: {len(planned)} conditions in all")
        made = generate(corpus, prompts, condition.spec(spec.generate))
        run = runs[condition] = run_of(workspace.store, made["run"])
        found = evaluate(run.fingerprint, spec=measure, prompts=prompts)["evaluation"]
        rows += measured(workspace, run, condition, found)
    results = compare(rows)
    experiment = Experiment(corpus, spec, runs)
    record(workspace, experiment, rows, results)
    table = [asdict(result) for result in results]
    publish_table("experiment", corpus, table)
    return {"corpus": corpus, "experiment": experiment.fingerprint, "results": table}
