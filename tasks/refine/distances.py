"""Distances of each pass to the same real videos, with noise floor and harm control."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np

from data.errors import UserError
from data.runs.distances import Clip, read_features
from data.runs.evaluations import MIN_UNITS, Target
from data.runs.refinements import Refinement, read_refined
from data.specs.distance import DistanceSpec
from data.specs.refine import PassMeasure
from data.workspace import Workspace
from engines.base import load_plugin
from engines.evaluate.distance.bootstrap import compare_distances
from engines.evaluate.distance.frechet import compute_frechet
from engines.evaluate.distance.kernel import kvd_unbiased
from engines.evaluate.distance.report import DDOF
from engines.refine.figures import PassFigure
from tasks.evaluate.clip_sets import choose_clips
from tasks.evaluate.features import Features, make_features
from tasks.evaluate.fvd import pin_spec
from tasks.service.runner import open_runner
from tasks.service.turns import wait_turn
from tasks.workers import count_workers, to_probe_settings

UCF101 = re.compile(r"v_(?P<name>[A-Za-z]+)_g\d+_c\d+")
FEW_PER_CLASS = 150  # clips: with fewer, a class's distance is mostly the bias of small samples


@dataclass(frozen=True)
class RealSets:
    """Two disjoint sets of real clips of one size: one to compare with, one for the controls."""

    compare: tuple[Clip, ...]
    control: tuple[Clip, ...]
    notes: tuple[str, ...]


def fit_spec(spec: DistanceSpec, rows: Sequence[Mapping[str, Any]]) -> DistanceSpec:
    """The spec with clips no longer than the shortest of the refined videos."""
    shortest = min(row["frames"] for row in rows if row["reason"] is None)
    frames = min(spec.clip.frames, 1 + (shortest - 1) // spec.clip.stride)
    clip = spec.clip.model_copy(update={"frames": frames})
    return pin_spec(spec.model_copy(update={"clip": clip}))


def choose_real(workspace: Workspace, real: str, spec: DistanceSpec, count: int) -> RealSets:
    """Draws both sets of real clips, as many as there are generated ones if there are enough."""
    wanted = spec.model_copy(update={"n_real": 2 * count})
    looking = to_probe_settings(workspace.settings)
    with open_runner(looking, count_workers(looking)) as runner:
        clips = choose_clips(workspace, runner, real, wanted, "real").clips
    size = len(clips) // 2
    if size < 2:
        raise UserError(
            f"{real} has {len(clips)} usable videos: distances need two sets of two or more"
        )
    notes = []
    if size < count:
        notes.append(
            f"{len(clips)} real videos make two sets of {size}: {size} of {count} generated videos"
            " are compared"
        )
    return RealSets(tuple(clips[:size]), tuple(clips[size : 2 * size]), tuple(notes))


def build_control(refinement: Refinement, real: str, sets: RealSets) -> Refinement:
    """The same refinement of real videos, which should harm them little."""
    targets = [
        Target(clip.name, clip.name, "real", clip.uri, clip.content.removeprefix("sha256:"))
        for clip in sets.control
    ]
    return replace(refinement, source=real, targets=tuple(targets))


def list_pass_clips(
    workspace: Workspace, refinement: Refinement, count: int, seed: int
) -> dict[int, tuple[Clip, ...]]:
    """The clips of each pass: the same `count` videos, drawn from those that have all passes."""
    store, done = workspace.store, dict[str, dict[int, Clip]]()
    for row in read_refined(store, refinement.fingerprint):
        if row["reason"] is None:
            uri = store.path(f"{refinement.folder}/{row['file']}")
            clip = Clip(row["target"], uri, f"sha256:{row['sha256']}", row["fps"], 0)
            done.setdefault(row["target"], {})[row["number"]] = clip
    whole = [id for id, by_pass in sorted(done.items()) if len(by_pass) == len(refinement.numbers)]
    order = np.random.default_rng(seed).permutation(len(whole))[:count]
    drawn = [whole[n] for n in sorted(order)]
    return {number: tuple(done[id][number] for id in drawn) for number in refinement.numbers}


def measure_distances(
    workspace: Workspace, measure: PassMeasure, spec: DistanceSpec, sets: RealSets,
    passes: Mapping[int, tuple[Clip, ...]], control: Mapping[int, tuple[Clip, ...]],
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
    kept = [n for n in range(len(passes[0])) if all(g[n].id in vectors for g in passes.values())]

    def stack(clips: Sequence[Clip]) -> np.ndarray:
        return np.stack([vectors[clip.id] for clip in clips if clip.id in vectors])

    real = stack(sets.compare)
    shown = {number: stack([clips[n] for n in kept]) for number, clips in passes.items()}
    harmed = {number: stack(clips) for number, clips in control.items()}
    labels = load_plugin("evaluate.distance.extractors", spec.clip.extractor)
    figures = []
    for label, function in ((labels.LABEL, _measure_frechet), (labels.KERNEL, kvd_unbiased)):
        compare = partial(_compare, measure, spec.seed, function)
        figures += compare(label, label, real, shown)
        figures += compare(f"{label}_control", f"{label}, real videos refined", real, harmed)
        figures += _compare_classes(compare, label, sets, passes, vectors)
    return figures, [*sets.notes, *_list_notes(figures)]


def _measure_frechet(real: np.ndarray, generated: np.ndarray) -> float:
    return compute_frechet(real, generated, DDOF).total


def _compare(
    measure: PassMeasure, seed: int, function: Any, name: str, label: str, real: np.ndarray,
    passes: Mapping[int, np.ndarray], group: str | None = None,
) -> list[PassFigure]:  # fmt: skip
    """A figure for each pass; bootstrapped against pass 0, unless it is of one class."""
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
    compare: Any, label: str, sets: RealSets, passes: Mapping[int, tuple[Clip, ...]],
    vectors: Mapping[str, np.ndarray],
) -> list[PassFigure]:  # fmt: skip
    """Figures of each class that has enough clips on both sides, by UCF-101's names."""
    real, figures = _group_classes(sets.compare), list[PassFigure]()
    by_pass = {number: _group_classes(clips) for number, clips in passes.items()}
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


def find_class(name: str) -> str | None:
    """The class in a UCF-101 name, `v_<Class>_gXX_cXX`; None in any other."""
    found = UCF101.search(name)
    return found["name"] if found else None


def _group_classes(clips: Sequence[Clip]) -> dict[str, list[Clip]]:
    named = sorted(((find_class(clip.name) or "", clip) for clip in clips), key=lambda x: x[0])
    groups = {name: [c for _, c in each] for name, each in groupby(named, key=lambda pair: pair[0])}
    return {name: group for name, group in groups.items() if name}


def _list_notes(figures: Sequence[PassFigure]) -> list[str]:
    small = {f.group for f in figures if f.group is not None and f.n < FEW_PER_CLASS}
    if not small:
        return []
    return [
        f"{len(small)} classes have fewer than {FEW_PER_CLASS} clips: their distances are mostly"
        " the bias of small samples, and compare within a class only"
    ]
