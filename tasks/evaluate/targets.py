"""Lists the videos to evaluate: of a folder, a benchmark's miniature, or a run of ours."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

from data.errors import UserError
from data.runs.evaluations import GroundTruthRef, Target
from data.runs.generations import media_path, read_generations, read_run
from data.runs.refinements import is_refinement
from data.specs.evaluate import EvaluateSpec
from data.workspace import Workspace
from engines.files.leftovers import describe_leftovers
from engines.files.listing import VIDEO_ENDINGS, has_ending
from engines.files.urls import is_url
from engines.files.walk import walk_folders
from tasks.evaluate.digests import digest_targets
from tasks.evaluate.ground_truth import add_reference
from tasks.evaluate.refined_targets import list_refined
from tasks.progress import notify
from tasks.prompts import read_columns, to_row
from tasks.url_policy import build_url_policy

Layout = Literal["folder", "official", "miniature"]
ENDINGS = (*VIDEO_ENDINGS, ".webp")  # which the published evaluator takes as well
GROUND_TRUTH = "ground_truth"


@dataclass(frozen=True, slots=True)
class Source:
    """Where videos lie, and what is known of them.

    `methods` selects those of a miniature (none: all but the real videos), and names the method of
    a folder or a run. `prompts` is a file of prompts whose ids are clips. `truth` is a folder of a
    benchmark's embeddings; without it the official layout has sidecars beside its videos.
    """

    name: str
    layout: Layout = "folder"
    mode: str | None = None
    methods: tuple[str, ...] = ()
    prompts: str | None = None
    truth: GroundTruthRef | None = None

    @property
    def is_run(self) -> bool:
        """Whether the name is that of a run of generation; a UserError where it can be none."""
        # A folder wins over a run: its name may look like a fingerprint.
        if Path(self.name).is_dir() or is_url(self.name):
            return False
        if not self.name.isalnum():
            raise UserError(f"no folder {self.name}: give a folder of videos, or a run")
        return True


def list_targets(workspace: Workspace, source: Source) -> list[Target]:
    """Lists a source's videos by their names; a UserError where there are none."""
    columns = read_columns(source.prompts) if source.prompts else {}
    if source.is_run and is_refinement(workspace.store, source.name):
        targets = list_refined(workspace.store, source.name)
    elif source.is_run:
        targets = list(_list_run(workspace, source, columns))
    elif source.layout == "folder":
        url = source.name.rstrip("/") if is_url(source.name) else None
        folder = url or str(Path(source.name).absolute())
        targets = digest_targets(list(_list_folder(folder, source, columns)))
        if not url and (leftovers := describe_leftovers(folder, ENDINGS, deep=False)):
            notify(f"not measured in {folder}: {leftovers}")
    elif is_url(source.name):
        raise UserError(f"a {source.layout} folder must be on this machine, not at {source.name}")
    else:
        list_layout = _list_miniature if source.layout == "miniature" else _list_official
        path = Path(source.name).absolute()
        targets = digest_targets(list(list_layout(path, source, columns)))
    targets = [add_reference(target, source.prompts) for target in targets]
    if not targets:
        raise UserError(f"no videos in {source.name}: expected {', '.join(ENDINGS)}")
    # A few videos without a row are usual, none with one is a wrong file.
    if columns and not any(target.asked for target in targets):
        raise UserError(f"{source.prompts} has no row for any video: its ids must be clips")
    return targets


def apply_remainder(
    targets: Sequence[Target], spec: EvaluateSpec
) -> tuple[list[Target], dict[str, int]]:
    """The targets sorted by method and clip, and how many of each method the spec drops.

    With `remainder="drop"` a method's last videos are dropped, in order of name, until
    `world_size` divides their number.
    """
    # The published evaluator drops them so on that many GPUs: its means are of fewer videos.
    kept: list[Target] = []
    dropped: dict[str, int] = {}
    by_name = sorted(targets, key=attrgetter("method", "id"))
    for method, group in groupby(by_name, attrgetter("method")):
        videos = list(group)
        surplus = len(videos) % spec.world_size if spec.remainder == "drop" else 0
        kept += videos[: len(videos) - surplus]
        dropped |= {method: surplus} if surplus else {}
    if not kept:
        raise UserError(f"remainder drops all {len(targets)} videos: choose a smaller world size")
    return sorted(kept, key=attrgetter("method", "clip", "id")), dropped


def _list_names(folder: str) -> list[str]:
    """The names of the videos in a folder, sorted as the published evaluator sorts them."""
    try:
        names = (
            next(walk_folders(folder, 1, build_url_policy())).files
            if is_url(folder)
            else os.listdir(folder)
        )
    except FileNotFoundError:  # a bucket has no empty folders
        return []
    return sorted(name for name in names if has_ending(name, ENDINGS))


def _list_folder(folder: str, source: Source, columns: Mapping[str, Any]) -> Iterator[Target]:
    method = _only_method(source) or folder.rpartition("/")[2]
    for name in _list_names(folder):
        clip = name.rpartition(".")[0]
        truth = replace(source.truth or GroundTruthRef(), clip=clip)
        texts = _to_texts(columns.get(clip))
        yield Target(name, clip, method, f"{folder}/{name}", "", texts, truth)


def _list_official(folder: Path, source: Source, columns: Mapping[str, Any]) -> Iterator[Target]:
    """A folder's videos; the files beside each are its ground truth, unless another is given."""
    for target in _list_folder(str(folder), source, columns):
        sidecars = GroundTruthRef("sidecars", str(folder / target.clip), target.clip)
        yield replace(target, truth=target.truth if source.truth else sidecars)


def _list_miniature(folder: Path, source: Source, columns: Mapping[str, Any]) -> Iterator[Target]:
    """Videos by clip, where each clip has a folder with its sample and a video of each method."""
    methods: set[str] = set()
    for clip in sorted(path.name for path in folder.iterdir() if (path / "sample.json").is_file()):
        sample = _read_sample(folder / clip / "sample.json")
        if source.mode not in (None, sample["mode"]):
            continue
        own = {"prompt": sample["caption"], "word": sample["conditioned_word"]}
        row = _to_texts(columns.get(clip)) or _to_texts(own)
        for name in _list_names(str(folder / clip)):
            method = name.rpartition(".")[0]
            methods.add(method)
            if method in source.methods or not (source.methods or method == GROUND_TRUTH):
                truth = replace(source.truth or GroundTruthRef(), clip=clip)
                uri = str(folder / clip / name)
                yield Target(f"{clip}/{name}", clip, method, uri, "", row, truth)
    if unknown := set(source.methods) - methods:
        known = ", ".join(sorted(methods)) or "none"
        raise UserError(f"no method {', '.join(sorted(unknown))} in {folder}: it has {known}")


def _read_sample(file: Path) -> dict[str, Any]:
    try:
        sample = json.loads(file.read_text())
        return {key: sample[key] for key in ("caption", "conditioned_word", "mode")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file} must have caption, conditioned_word and mode") from error


def _list_run(workspace: Workspace, source: Source, columns: Mapping[str, Any]) -> Iterator[Target]:
    """A run's videos; a failed request counts as a video that is missing."""
    # Left out, it would raise the means of a method that fails where videos are hard.
    run = read_run(workspace.store, source.name)
    method = _only_method(source) or run.fingerprint
    own = {prompt.id: to_row(prompt) for prompt in run.prompts}
    for row in read_generations(workspace.store, run):
        id, clip = row["request_id"], row["prompt_id"]
        uri = workspace.store.path(f"{run.folder}/{row['file'] or media_path(id)}")
        # A given file wins: it may describe more than the run's own prompts did.
        texts = _to_texts(columns.get(clip)) or own.get(clip, {"prompt": row["prompt"]})
        truth = replace(source.truth or GroundTruthRef(), clip=clip)
        yield Target(id, clip, method, uri, row["sha256"] or "", texts, truth)


def _only_method(source: Source) -> str | None:
    if len(source.methods) > 1:
        raise UserError("these videos are of one method: give its name as the only --method")
    return source.methods[0] if source.methods else None


def _to_texts(row: Mapping[str, Any] | None) -> dict[str, str]:
    """A row as texts, without empty columns."""
    return {key: str(value) for key, value in (row or {}).items() if value is not None}
