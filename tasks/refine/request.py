"""Builds a refinement: its videos, from a run, a folder or a corpus, and what refines them."""

from collections.abc import Iterator
from pathlib import Path

from data.errors import UserError
from data.runs.evaluations import Target
from data.runs.refinements import PlannedPass, Refinement, is_refinement, pass_id
from data.specs.refine import RefineSpec
from data.store import layout
from data.workspace import Workspace
from engines.files.urls import is_url
from engines.refine.plugins import build_corruption, build_refiner, identify_plugins
from engines.refine.protocol import Refiner
from tasks.evaluate.clip_sets import list_videos
from tasks.evaluate.digests import digest_targets
from tasks.evaluate.targets import Layout, Source, list_targets
from tasks.prompts import read_columns


def build_refinement(
    workspace: Workspace, source: str, spec: RefineSpec, kind: Layout = "folder",
    prompts: str | None = None, limit: int | None = None,
) -> Refinement:  # fmt: skip
    """The refinement of a source's videos, the first `limit` of them by id.

    A UserError where there are none, or the refiner cannot be what the spec asks for.
    """
    check_spec(spec)
    targets = _list_source(workspace, source, kind, prompts)[:limit]
    return Refinement(source, spec, identify_plugins(spec), tuple(digest_targets(targets)))


def check_spec(spec: RefineSpec) -> None:
    """Raises a UserError where the refiner or the corruption cannot be what the spec asks for."""
    refiner = build_refiner(spec)
    build_corruption(spec)
    _check_overlap(spec, refiner)
    if refiner.shape.fills and spec.corruption is None:
        raise UserError(
            f"{spec.refiner} fills holes, and without a corruption there are none: add --corruption"
            " tensor_mask, or another"
        )


def list_passes(refinement: Refinement) -> Iterator[PlannedPass]:
    """Yields each video after each number of passes, those of one video together."""
    for target in refinement.targets:
        for number in refinement.numbers:
            yield PlannedPass(pass_id(target.id, number), target, number)


def _check_overlap(spec: RefineSpec, refiner: Refiner) -> None:
    """Raises a UserError where windows or tiles would lie in each other whole."""
    frames, size = refiner.shape.frames or spec.window, refiner.shape.size
    if spec.overlap >= frames:
        raise UserError(
            f"{spec.refiner} takes {frames} frames at once: --overlap must be less, not"
            f" {spec.overlap}"
        )
    if size and spec.tile_overlap >= min(size):
        raise UserError(
            f"{spec.refiner} takes frames of {size[1]}x{size[0]}: --tile-overlap must be less than"
            f" the shorter side, not {spec.tile_overlap}"
        )


def _list_source(
    workspace: Workspace, source: str, kind: Layout, prompts: str | None
) -> list[Target]:
    """The videos of a source, sorted by id; those of a run with their prompts."""
    if kind != "folder" or is_run(workspace, source):
        return sorted(
            list_targets(workspace, Source(source, kind, prompts=prompts)), key=lambda t: t.id
        )
    columns = read_columns(prompts) if prompts else {}
    # Folders of folders, globs, tables and corpora, as for distances.
    videos, failed = list_videos(workspace, source)
    method = source.rstrip("/").rpartition("/")[2]
    targets = [
        Target(video.id, video.id, method, video.uri, "", dict(columns.get(video.id) or {}))
        for video in videos
    ]
    missing = [Target(each.id, each.id, method, each.id, "") for each in failed]
    return sorted([*targets, *missing], key=lambda target: target.id)


def is_run(workspace: Workspace, source: str) -> bool:
    """Whether a source is a run or a refinement of the store, and neither file, corpus nor URL."""
    if Path(source).exists() or is_url(source) or source in workspace.list_corpora():
        return False
    store = workspace.store
    run = layout.spec_file(layout.generation_folder(source)) if source.isalnum() else ""
    return is_refinement(store, source) or (bool(run) and store.exists(run))
