"""The clips that passes are compared by: two sets of real videos, and the same of every pass."""

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np

from data.errors import UserError
from data.runs.distances import Clip
from data.runs.evaluations import Target
from data.runs.refinements import Refinement, read_refined
from data.specs.distance import DistanceSpec
from data.workspace import Workspace
from engines.base import load_plugin
from tasks.evaluate.clip_sets import choose_clips
from tasks.evaluate.fvd import pin_spec
from tasks.service.runner import open_runner
from tasks.workers import count_workers, to_probe_settings

Passes = Mapping[int, tuple[Clip, ...]]  # the clips of each pass, in the order of names

WEIGHTS_OPTION = "--extractor-weights"  # `--weights` are the refiner's
UCF101 = re.compile(r"v_(?P<name>[A-Za-z]+)_g\d+_c\d+")


@dataclass(frozen=True)
class RealSets:
    """Two disjoint sets of real clips of one size: one to compare with, one for the controls."""

    compare: tuple[Clip, ...]
    control: tuple[Clip, ...]
    notes: tuple[str, ...]


def fit_spec(spec: DistanceSpec, rows: Sequence[Mapping[str, Any]]) -> DistanceSpec:
    """The spec with clips no longer than the shortest video that its extractor can take."""
    least = load_plugin("evaluate.distance.extractors", spec.clip.extractor).Extractor.least
    lengths = [row["frames"] for row in rows if row["reason"] is None and row["frames"] >= least]
    shortest = min(lengths, default=least)
    frames = min(spec.clip.frames, 1 + (shortest - 1) // spec.clip.stride)
    clip = spec.clip.model_copy(update={"frames": frames})
    return pin_spec(spec.model_copy(update={"clip": clip}), WEIGHTS_OPTION)


def choose_real(workspace: Workspace, real: str, spec: DistanceSpec, count: int) -> RealSets:
    """Draws both sets of real clips, as many as there are generated ones if there are enough.

    A UserError for fewer than two generated or real clips to a set.
    """
    if count < 2:
        raise UserError(
            f"{count} of the refined videos went through all passes and have {spec.clip.span}"
            " frames, which a clip takes: distances need two or more"
        )
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


def count_comparable(rows: Sequence[Mapping[str, Any]], spec: DistanceSpec) -> int:
    """How many videos have all passes, and frames enough for a clip."""
    missing = {row["target"] for row in rows if row["reason"] or row["frames"] < spec.clip.span}
    return len({row["target"] for row in rows} - missing)


def list_pass_clips(
    workspace: Workspace, refinement: Refinement, count: int, spec: DistanceSpec
) -> dict[int, tuple[Clip, ...]]:
    """The clips of each pass: the same `count` videos, drawn from those that are comparable."""
    store, done = workspace.store, dict[str, dict[int, Clip]]()
    for row in read_refined(store, refinement.fingerprint):
        if row["reason"] is None and row["frames"] >= spec.clip.span:
            uri = store.path(f"{refinement.folder}/{row['file']}")
            clip = Clip(row["target"], uri, f"sha256:{row['sha256']}", row["fps"], 0)
            done.setdefault(row["target"], {})[row["number"]] = clip
    whole = [id for id, by_pass in sorted(done.items()) if len(by_pass) == len(refinement.numbers)]
    order = np.random.default_rng(spec.seed).permutation(len(whole))[:count]
    drawn = [whole[n] for n in sorted(order)]
    return {number: tuple(done[id][number] for id in drawn) for number in refinement.numbers}


def keep_common(measured: Container[str], *refined: Passes) -> list[Passes]:
    """The clips of the videos of which every pass of every refinement was measured.

    Their differences are paired: a video that one refiner failed on is left out of all.
    """
    groups = [clips for passes in refined for clips in passes.values()]
    common = set.intersection(*({c.name for c in group if c.id in measured} for group in groups))
    return [
        {number: tuple(c for c in group if c.name in common) for number, group in passes.items()}
        for passes in refined
    ]


def find_class(name: str) -> str | None:
    """The class in a UCF-101 name, `v_<Class>_gXX_cXX`; None in any other."""
    found = UCF101.search(name)
    return found["name"] if found else None


def group_classes(clips: Sequence[Clip]) -> dict[str, list[Clip]]:
    """The clips of each class, by UCF-101 names; others are in none."""
    named = sorted(((find_class(clip.name) or "", clip) for clip in clips), key=lambda x: x[0])
    groups = {name: [c for _, c in each] for name, each in groupby(named, key=lambda pair: pair[0])}
    return {name: group for name, group in groups.items() if name}
