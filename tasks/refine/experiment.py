"""Does refining help? Refiners on the same videos, beside controls that learned nothing."""

from collections.abc import Mapping, Sequence

import numpy as np
from prefect import task
from prefect.cache_policies import NO_CACHE

from data.errors import UserError
from data.runs.distances import read_features
from data.runs.refinements import Refinement, read_refined
from data.specs.distance import DistanceSpec
from data.specs.refine import PassMeasure, RefineSpec
from data.workspace import Workspace
from engines.base import load_plugin
from engines.evaluate.distance.bootstrap import compare_distances
from engines.refine.figures import PassFigure
from tasks.evaluate.features import Features
from tasks.refine.distances import measure_frechet
from tasks.refine.pass_clips import (
    choose_real,
    count_comparable,
    fit_spec,
    keep_common,
    list_pass_clips,
)
from tasks.refine.request import check_spec

BASELINE = "temporal_median"  # what a learned refiner must beat
CONTROLS = ("identity", BASELINE, "bilateral", "nl_means")


def plan_refiners(spec: RefineSpec, refiners: Sequence[str]) -> dict[str, RefineSpec]:
    """The spec of each refiner, the baseline among them; options are the spec's own refiner's.

    A UserError where one of them cannot be, before any has refined anything.
    """
    names = list(dict.fromkeys((*refiners, BASELINE)))
    if len(names) < 2:
        raise UserError(f"name a refiner beside {BASELINE}, which all are compared with")
    if (spec.weights or spec.options) and (spec.refiner == "identity" or spec.refiner not in names):
        raise UserError(
            "whose weights or options these are is not said: name their refiner with --refiner, one"
            f" of {', '.join(names)}"
        )
    bare: dict[str, object] = {"weights": None, "options": {}}
    specs = {
        name: spec.model_copy(update={"refiner": name} | ({} if name == spec.refiner else bare))
        for name in names
    }
    for each in specs.values():
        check_spec(each)
    return specs


@task(name="compare-refiners", cache_policy=NO_CACHE, persist_result=False)
def compare_with_baseline(
    workspace: Workspace, measure: PassMeasure, real: str, refinements: Mapping[str, Refinement]
) -> list[PassFigure]:
    """Each refiner's distance after each pass, and its paired difference to the baseline's."""
    rows = list(read_refined(workspace.store, refinements[BASELINE].fingerprint))
    spec = fit_spec(measure.distance, rows)
    return _compare_refiners(workspace, measure, real, spec, refinements, BASELINE)


def _compare_refiners(
    workspace: Workspace, measure: PassMeasure, real: str, spec: DistanceSpec,
    refinements: Mapping[str, Refinement], baseline: str,
) -> list[PassFigure]:  # fmt: skip
    """The distance of each refiner after each pass, and its difference to the `baseline` refiner's.

    Of the same clips after the same number of passes; their features must be there.
    """
    rows = list(read_refined(workspace.store, refinements[baseline].fingerprint))
    count = count_comparable(rows, spec)
    sets, features = choose_real(workspace, real, spec, count), Features(workspace, spec.clip)
    passes = {
        name: list_pass_clips(workspace, each, len(sets.compare), spec)
        for name, each in refinements.items()
    }
    clips = {c.id for each in passes.values() for group in each.values() for c in group}
    vectors = read_features(
        workspace.store, features.folder, clips | {clip.id for clip in sets.compare}
    )
    label = load_plugin("evaluate.distance.extractors", spec.clip.extractor).LABEL
    kept = dict(zip(passes, keep_common(vectors, *passes.values()), strict=True))
    if not kept[baseline][0]:
        raise UserError("no video went through all refiners: see `failed` of each refinement")
    stacked = {
        name: {n: np.stack([vectors[clip.id] for clip in group]) for n, group in each.items()}
        for name, each in kept.items()
    }
    shown = np.stack([vectors[clip.id] for clip in sets.compare if clip.id in vectors])
    figures = []
    for name, by_pass in stacked.items():
        for number, own in by_pass.items():
            found = compare_distances(
                measure_frechet, shown, stacked[baseline][number], own, measure.replicates,
                spec.seed,
            )  # fmt: skip
            value = measure_frechet(shown, own)
            figures.append(PassFigure(
                number, label, name, "lower", len(own), value, found.change, found.low, found.high
            ))  # fmt: skip
    return figures


def describe_verdicts(figures: Sequence[PassFigure]) -> list[str]:
    """For each refiner, whether any number of passes is nearer to real videos than the baseline."""
    verdicts = []
    for name in dict.fromkeys(each.label for each in figures):
        own = [each for each in figures if each.label == name and each.number]
        if name == BASELINE:
            continue
        better = [each.number for each in own if each.high is not None and each.high < 0]
        worse = [each.number for each in own if each.low is not None and each.low > 0]
        if better:
            verdicts.append(f"{name} beats {BASELINE} at pass {_list_numbers(better)}")
        elif len(worse) == len(own):
            verdicts.append(f"{name} is worse than {BASELINE} at every pass")
        else:
            verdicts.append(f"{name} does not beat {BASELINE}: the intervals include zero")
    return verdicts


def _list_numbers(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
