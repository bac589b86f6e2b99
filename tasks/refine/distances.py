"""Distances of each pass to the same real videos, with noise floor and harm control."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from data.runs.distances import Clip, read_features
from data.runs.evaluations import MIN_UNITS
from data.specs.distance import DistanceSpec
from data.specs.refine import PassMeasure
from data.workspace import Workspace
from engines.base import load_plugin
from engines.evaluate.distance.bootstrap import compare_distances
from engines.evaluate.distance.frechet import compute_frechet
from engines.evaluate.distance.kernel import kvd_unbiased
from engines.evaluate.distance.report import DDOF
from engines.refine.figures import PassFigure
from tasks.evaluate.features import Features, make_features
from tasks.refine.pass_clips import Passes, RealSets, group_classes, keep_common
from tasks.service.turns import wait_turn

FEW_PER_CLASS = 150  # clips: with fewer, a class's distance is mostly the bias of small samples


def measure_distances(
    workspace: Workspace, measure: PassMeasure, spec: DistanceSpec, sets: RealSets,
    passes: Passes, control: Passes,
) -> tuple[list[PassFigure], list[str]]:  # fmt: skip
    """Figures of both distances for each pass and each control, and notes on how to read them.

    The control after no pass is the noise floor: the distance of real videos to other real ones.
    """
    features = Features(workspace, spec.clip)
    groups = [sets.compare, *passes.values(), *control.values()]
    with workspace.lock_store_folder(
        features.folder, f"makes features {features.fingerprint}", wait_turn
    ):
        make_features(features, (clip for group in groups for clip in group))
    vectors = read_features(workspace.store, features.folder, {c.id for g in groups for c in g})
    [passes], [control] = keep_common(vectors, passes), keep_common(vectors, control)

    def stack(clips: Sequence[Clip]) -> np.ndarray:
        return np.stack([vectors[clip.id] for clip in clips if clip.id in vectors])

    real = stack(sets.compare)
    shown = {number: stack(clips) for number, clips in passes.items()}
    harmed = {number: stack(clips) for number, clips in control.items()}
    labels = load_plugin("evaluate.distance.extractors", spec.clip.extractor)
    figures = []
    for label, function in ((labels.LABEL, measure_frechet), (labels.KERNEL, kvd_unbiased)):
        compare = partial(_compare, measure, spec.seed, function)
        figures += compare(label, label, real, shown)
        figures += compare(f"{label}_control", f"{label}, real videos refined", real, harmed)
        figures += _compare_classes(compare, label, sets, passes, vectors)
    return figures, [*sets.notes, *_list_notes(figures)]


def measure_frechet(real: np.ndarray, generated: np.ndarray) -> float:
    """The Fréchet distance of two sets of features."""
    return compute_frechet(real, generated, DDOF).total


def _compare(
    measure: PassMeasure, seed: int, function: Any, name: str, label: str, real: np.ndarray,
    passes: Mapping[int, np.ndarray], group: str | None = None,
) -> list[PassFigure]:  # fmt: skip
    """A figure for each pass, bootstrapped against pass 0."""
    figures = []
    for number, features in passes.items():
        value, n = function(real, features), len(features)
        figure = PassFigure(number, name, label, "lower", n, value, group=group)
        if number:
            found = compare_distances(function, real, passes[0], features, measure.replicates, seed)
            figure = replace(figure, difference=found.change, low=found.low, high=found.high)
        figures.append(figure)
    return figures


def _compare_classes(
    compare: Any, label: str, sets: RealSets, passes: Passes, vectors: Mapping[str, np.ndarray],
) -> list[PassFigure]:  # fmt: skip
    """Figures of each class that has enough clips on both sides, by UCF-101's names."""
    real, figures = group_classes(sets.compare), list[PassFigure]()
    by_pass = {number: group_classes(clips) for number, clips in passes.items()}
    for name in sorted(real.keys() & by_pass[0].keys()):
        some = [clip for clip in real[name] if clip.id in vectors]
        if min(len(some), len(by_pass[0][name])) < MIN_UNITS:
            continue
        shown = {
            number: np.stack([vectors[clip.id] for clip in groups[name]])
            for number, groups in by_pass.items()
        }
        stacked = np.stack([vectors[clip.id] for clip in some])
        figures += compare(label, label, stacked, shown, name)
    return figures


def _list_notes(figures: Sequence[PassFigure]) -> list[str]:
    small = {f.group for f in figures if f.group is not None and f.n < FEW_PER_CLASS}
    if not small:
        return []
    return [
        f"{len(small)} classes have fewer than {FEW_PER_CLASS} clips: their distances are mostly"
        " the bias of small samples, and compare within a class only"
    ]
