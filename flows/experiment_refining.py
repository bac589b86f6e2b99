"""The experiment "does refining help?": refiners and controls on the same videos."""

from typing import Any

from prefect import flow

from data.settings import Settings
from data.specs.refine import PassMeasure, RefineSpec
from data.workspace import open_workspace
from flows.refine import refine
from tasks.progress import notify
from tasks.refine.experiment import (
    CONTROLS,
    compare_with_baseline,
    describe_verdicts,
    plan_refiners,
)
from tasks.refine.request import build_refinement
from tasks.refine.table import list_rows
from tasks.ui.artifacts import publish_table
from tasks.ui.hooks import HOOKS
from tasks.ui.run_names import name_run


@flow(name="experiment-refining", flow_run_name=name_run("experiment-refining-{source}"), **HOOKS)
def experiment_refining(
    source: str,
    real: str,
    refiners: list[str] | None = None,
    spec: RefineSpec | None = None,
    measure: PassMeasure | None = None,
    limit: int | None = None,
) -> dict[str, Any]:
    """Refines the same videos by several refiners, and compares each with the temporal median.

    Videos that are refined already are not refined again.

    Args:
        source: Generation run, or a folder, glob, table or corpus of videos.
        real: Real videos to measure distances to: the same kinds of source.
        refiners: Refiners to compare; the classical filters if left out.
        spec: Number of passes, corruption, windows; weights and options of its own refiner.
        measure: Metrics and features to measure by; those that need no weights if left out.
        limit: Refine only the first videos, by id; all if left out.
    """
    workspace, measure = open_workspace(Settings()), measure or PassMeasure()
    specs = plan_refiners(spec or RefineSpec(), refiners or CONTROLS)
    refinements, results = {}, {}
    for name, each in specs.items():
        notify(f"{name}: {len(specs)} refiners in all")
        refinements[name] = build_refinement(workspace, source, each, limit=limit)
        results[name] = refine(source, each, real, measure, limit=limit)
    figures = compare_with_baseline(workspace, measure, real, refinements)
    table, verdicts = list_rows(figures), describe_verdicts(figures)
    publish_table("experiment-refining", source, table)
    return {
        "source": source,
        "real": real,
        "results": table,
        "verdicts": verdicts,
        "refinements": {name: each["refinement"] for name, each in results.items()},
        "evaluations": {name: each["evaluation"] for name, each in results.items()},
    }
