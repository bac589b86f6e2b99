"""The experiments "does retrieval help?": the same prompts and seeds, with and without clips."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from prefect import flow

from data.runs.generations import Run, read_run
from data.settings import Settings
from data.specs.distance import DistanceSpec
from data.specs.evaluate import EvaluateSpec
from data.specs.motion_experiment import MOTION_EXPERIMENT
from data.specs.pipeline import ExperimentSpec
from data.store import layout
from data.workspace import Workspace, open_workspace
from flows.evaluate import evaluate
from flows.fvd import fvd
from flows.generate import generate
from tasks.evaluate.conditions import Condition, build_experiment_spec, list_conditions
from tasks.evaluate.experiment import Distances, Experiment, Rows, list_scores, record_experiment
from tasks.evaluate.experiment_distances import list_distance, plan_distance
from tasks.evaluate.motion_conditions import (
    check_motion_inputs,
    choose_conditions,
    judge_contexts,
    keep_out_truth,
)
from tasks.evaluate.request import plan_measure
from tasks.generate.requests import build_run
from tasks.progress import notify
from tasks.prompts import read_prompts
from tasks.ui.artifacts import publish_summary, publish_table
from tasks.ui.hooks import HOOKS
from tasks.ui.page_links import link_run
from tasks.ui.run_names import name_run


@flow(name="experiment-retrieval", flow_run_name=name_run("experiment-retrieval-{corpus}"), **HOOKS)
def experiment_retrieval(
    corpus: str,
    prompts: str,
    spec: ExperimentSpec | None = None,
    weights: str | None = None,
    distance: DistanceSpec | None = None,
) -> dict[str, Any]:
    """Generates under each condition, measures, and compares with generation without clips.

    Conditions are 0 to k clips, for each controller, and k clips retrieved for another prompt.
    Videos that exist are not generated again.

    Args:
        corpus: Name of an indexed corpus.
        prompts: Table of prompts; its other columns describe what metrics look for.
        spec: Generation, controllers and metrics; those of the bundled models if left out.
        weights: Folder of the metrics' weights under their published names.
        distance: Extractor and clips of a Fréchet distance to the corpus; none if left out.
    """
    spec = spec or build_experiment_spec()
    conditions = list(list_conditions(spec.controllers, spec.generate.retrieve.k))
    workspace = open_workspace(Settings())
    measure = plan_measure(spec.metrics, prompts, weights)
    if distance is not None:
        distance = plan_distance(distance, spec.generate, prompts)
    runs, rows = _measure_conditions(workspace, corpus, prompts, spec, conditions, measure)
    distances = _measure_distances(workspace, corpus, runs, distance)
    made = Experiment(corpus, spec, runs, weights=measure.weights, distances=distances)
    return _publish(workspace, made, rows)


@flow(name="experiment-motion", flow_run_name=name_run("experiment-motion-{corpus}"), **HOOKS)
def experiment_motion(
    corpus: str,
    prompts: str,
    spec: ExperimentSpec | None = None,
    truth: str | None = None,
    only: list[str] | None = None,
    weights: str | None = None,
    distance: DistanceSpec | None = None,
) -> dict[str, Any]:
    """Generates under each use of clips' motion, measures, and compares with the base alone.

    Conditions are the context of 1, 3 and k clips, the best clip, the mean of k, and as controls
    the clips of another prompt, clips played backwards and, with `truth`, the right motion itself.

    Args:
        corpus: Name of a corpus with vectors of captions, or an index.
        prompts: Table of prompts; its other columns describe what metrics look for.
        spec: Generation by MotionRAG with its base and release, and metrics.
        truth: Column of the prompts with the id of the clip that each video should have been: its
            motion is the upper bound, and it is kept out of the other conditions.
        only: Conditions to compare with the base, such as "context k=9"; all if left out.
        weights: Folder of the metrics' weights under their published names.
        distance: Extractor and clips of a Fréchet distance to the corpus; none if left out.
    """
    spec = spec or MOTION_EXPERIMENT
    if truth is not None:
        spec = keep_out_truth(spec, truth)
    conditions = choose_conditions(spec.generate.retrieve.k, truth, only)
    workspace = open_workspace(Settings())
    check_motion_inputs(workspace, workspace.check_corpus(corpus), prompts, spec.generate, truth)
    measure = plan_measure(spec.metrics, prompts, weights)
    if distance is not None:
        distance = plan_distance(distance, spec.generate, prompts)
    runs, rows = _measure_conditions(workspace, corpus, prompts, spec, conditions, measure)
    distances = _measure_distances(workspace, corpus, runs, distance)
    made = Experiment(corpus, spec, runs, "motion", measure.weights, distances)
    found = _publish(workspace, made, rows)
    return found | {"verdicts": judge_contexts(rows)}


def _measure_conditions(
    workspace: Workspace, corpus: str, prompts: str, spec: ExperimentSpec,
    conditions: Sequence[Condition], measure: EvaluateSpec,
) -> tuple[dict[Condition, Run], Rows]:  # fmt: skip
    """The run of each condition, and the scores of all."""
    # Nothing is generated before all models are there.
    asked = read_prompts(prompts)
    workspace.check_corpus(corpus)
    for condition in conditions:
        build_run(workspace, corpus, condition.build_spec(spec.generate), asked)
    runs, rows = {}, []
    for condition in conditions:
        notify(f"{condition.name}: {len(conditions)} conditions in all")
        made = generate(corpus, prompts, condition.build_spec(spec.generate))
        run = runs[condition] = read_run(workspace.store, made["run"])
        found = evaluate(run.fingerprint, spec=measure)["evaluation"]
        rows += list_scores(workspace, run, condition, found)
    return runs, rows


def _measure_distances(
    workspace: Workspace, corpus: str, runs: dict[Condition, Run], distance: DistanceSpec | None
) -> Distances:
    """Each condition's distance to the corpus's clips; none without a `distance`."""
    if distance is None:
        return ()
    real, found = workspace.check_corpus(corpus), []
    for condition, run in runs.items():
        found.append(list_distance(condition.name, fvd(run.fingerprint, real, distance)))
    return tuple(found)


def _publish(workspace: Workspace, experiment: Experiment, rows: Rows) -> dict[str, Any]:
    """Records the comparisons and shows them in the UI."""
    results = record_experiment(workspace, experiment, rows)
    table = [asdict(result) for result in results]
    publish_table("experiment", experiment.corpus, table)
    if link := link_run(workspace, layout.experiment_folder(experiment.fingerprint)):
        publish_summary("experiment-page", experiment.corpus, dict(link))
    found = {"corpus": experiment.corpus, "experiment": experiment.fingerprint, "results": table}
    return found | ({"distances": list(experiment.distances)} if experiment.distances else {})
