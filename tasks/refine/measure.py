"""Measures the passes of a refinement: drift, metrics, and distances to real videos."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from data.runs.evaluations import read_scores
from data.runs.refinements import Refinement, find_run, read_refined
from data.specs.evaluate import EvaluateSpec
from data.specs.refine import PassMeasure
from data.stamps import utc_now
from data.workspace import Workspace
from engines.refine.figures import PassFigure, compare_passes, list_drift
from tasks.evaluate.clip_sets import list_videos
from tasks.evaluate.fvd import pin_spec
from tasks.evaluate.request import build_evaluation, build_source, split_metrics
from tasks.evaluate.run import complete_evaluation
from tasks.refine.distances import measure_distances
from tasks.refine.pass_clips import (
    WEIGHTS_OPTION,
    build_control,
    choose_real,
    count_comparable,
    fit_spec,
    list_pass_clips,
)
from tasks.refine.request import is_run
from tasks.refine.run import complete_refinement, plan_passes
from tasks.service.turns import wait_turn

METRICS = ("temporal_consistency", "motion_smoothness_average", "dynamic_degree_dis")


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of all passes, the evaluation that they are partly of, and notes on them."""

    figures: tuple[PassFigure, ...]
    evaluation: str
    notes: tuple[str, ...]


@task(name="measure-passes", cache_policy=NO_CACHE, persist_result=False)
def measure_passes(
    workspace: Workspace, refinement: Refinement, measure: PassMeasure, real: str | None
) -> Measured:
    """Measures every pass, and writes `summary.json` with the figures, which marks it as whole."""
    rows = list(read_refined(workspace.store, refinement.fingerprint))
    figures, notes = list_drift(rows), list[str]()
    evaluation, scores = _evaluate(workspace, refinement, measure)
    figures += scores
    if real is not None:
        found, notes = _measure_against(workspace, refinement, measure, real, rows)
        figures = [*found, *figures]
    measured = Measured(tuple(figures), evaluation, tuple(notes))
    record = {
        "refinement": refinement.fingerprint, "made": utc_now(), "real": real,
        "measure": measure.model_dump(), **asdict(measured),
    }  # fmt: skip
    content = json.dumps(record, indent=2, allow_nan=False).encode()
    workspace.store.write(f"{refinement.folder}/summary.json", content)
    return measured


def check_measure(
    workspace: Workspace, source: str, measure: PassMeasure, real: str | None
) -> None:
    """Raises what would end the measurement of a source's passes, before there are any."""
    metrics = measure.metrics or choose_metrics(workspace, source)
    split_metrics(EvaluateSpec(metrics=metrics, num_frames=None))
    if real is not None:
        pin_spec(measure.distance, WEIGHTS_OPTION)
        list_videos(workspace, real)


def _evaluate(
    workspace: Workspace, refinement: Refinement, measure: PassMeasure
) -> tuple[str, list[PassFigure]]:
    """The evaluation of all passes, each a method, and its scores by pass and video."""
    metrics = measure.metrics or choose_metrics(workspace, refinement.source)
    # All frames: passes are compared with each other, not with published scores.
    spec = EvaluateSpec(metrics=metrics, num_frames=None)
    asked = build_evaluation(workspace, build_source(refinement.fingerprint), spec)
    summary, _ = complete_evaluation(workspace, asked)
    means = {m.metric: m for method in summary.methods for m in method.means}
    passes = {row["id"]: row for row in read_refined(workspace.store, refinement.fingerprint)}
    values: dict[str, dict[int, dict[str, float | None]]] = {name: {} for name in means}
    for score in read_scores(workspace.store, summary.evaluation):
        row = passes[score["id"]]
        if score["subject"] is None and score["metric"] in values:
            by_pass = values[score["metric"]].setdefault(row["number"], {})
            by_pass[row["target"]] = score["value"]
    return summary.evaluation, [
        figure
        for name, mean in means.items()
        for figure in compare_passes(name, mean.label, mean.better, values[name])
    ]


def choose_metrics(workspace: Workspace, source: str) -> tuple[str, ...]:
    """The metrics that need no weights; for a run, whose videos have prompts, text similarity."""
    has_prompts = is_run(workspace, source) and find_run(workspace.store, source)
    return (*METRICS, "text_similarity") if has_prompts else METRICS


def _measure_against(
    workspace: Workspace, refinement: Refinement, measure: PassMeasure, real: str,
    rows: Sequence[dict[str, Any]],
) -> tuple[list[PassFigure], list[str]]:  # fmt: skip
    """The distances to a source of real videos, which are refined as well, as a control."""
    spec = fit_spec(measure.distance, rows)
    count = count_comparable(rows, spec)
    sets = choose_real(workspace, real, spec, count)
    control = build_control(refinement, real, sets)
    with workspace.lock_store_folder(control.folder, f"refines {control.fingerprint}", wait_turn):
        complete_refinement(workspace, control, plan_passes(workspace, control))
    size, left_out = len(sets.compare), len(refinement.targets) - count
    figures, notes = measure_distances(
        workspace, measure, spec, sets,
        list_pass_clips(workspace, refinement, size, spec),
        list_pass_clips(workspace, control, size, spec),
    )  # fmt: skip
    if left_out:
        notes = [
            f"{left_out} of {len(refinement.targets)} videos failed or have fewer than"
            f" {spec.clip.span} frames: they are in no distance", *notes,
        ]  # fmt: skip
    return figures, notes
