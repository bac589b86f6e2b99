"""Finding what to evaluate: a folder of videos, a benchmark's miniature, or a run of ours."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, cast

from data.errors import UserError
from data.runs.evaluations import Target, TruthRef
from data.runs.generations import generations, media, run_of
from data.specs.evaluate import EvaluateSpec
from data.workspace import Workspace
from engines.embed.weights import file_digest
from engines.files.media import is_url, open_media
from engines.files.walk import walk
from tasks.prompts import read_columns

Layout = Literal["folder", "official", "miniature"]
ENDINGS = (".mp4", ".mkv", ".webm", ".avi", ".webp", ".mov")
GROUND_TRUTH = "ground_truth"


@dataclass(frozen=True, slots=True)
class Source:
    """Where videos lie, and what is known of them.

    `methods` selects those of a miniature (none: all that generate), and names the videos of a
    folder or a run. `prompts` is a table of what was asked for, by clip. `truth` is a folder of a
    benchmark's embeddings; sidecars are the official layout's own.
    """

    name: str
    layout: Layout = "folder"
    mode: str | None = None
    methods: tuple[str, ...] = ()
    prompts: str | None = None
    truth: TruthRef | None = None

    @property
    def is_run(self) -> bool:
        """Whether it names a run of generation; a UserError where it names nothing."""
        if Path(self.name).is_dir() or is_url(self.name):
            return False
        if not self.name.isalnum():
            raise UserError(f"no folder {self.name}: give one of videos, or a run of generation")
        return True


def targets(workspace: Workspace, source: Source) -> list[Target]:
    """The videos in the order of their names; a UserError where there are none."""
    asked = read_columns(source.prompts) if source.prompts else {}
    if source.is_run:
        found = list(_run(workspace, source, asked))
    elif source.layout == "folder":
        url = source.name.rstrip("/") if is_url(source.name) else None
        found = _digested(list(_folder(url or str(Path(source.name).absolute()), source, asked)))
    elif is_url(source.name):
        raise UserError(f"a {source.layout} folder must be on this machine: {source.name} is not")
    else:
        listed = _miniature if source.layout == "miniature" else _official
        found = _digested(list(listed(Path(source.name).absolute(), source, asked)))
    if not found:
        raise UserError(f"no videos in {source.name}: their names end in {', '.join(ENDINGS)}")
    if asked and not any(target.asked for target in found):
        raise UserError(f"{source.prompts} has no row for any video: its ids are their names")
    return found


def kept(found: Sequence[Target], spec: EvaluateSpec) -> tuple[list[Target], dict[str, int]]:
    """The targets in order of method and clip, and how many the spec's remainder drops of each.

    As the published evaluator does on so many GPUs, it drops the last ones in order of name.
    """
    some: list[Target] = []
    dropped: dict[str, int] = {}
    for method, group in groupby(sorted(found, key=lambda t: (t.method, t.id)), _method):
        mine = list(group)
        many = len(mine) % spec.world_size if spec.remainder == "drop" else 0
        some += mine[: len(mine) - many]
        dropped |= {method: many} if many else {}
    if not some:
        raise UserError(f"remainder drops all {len(found)} videos: take a smaller world size")
    return sorted(some, key=lambda t: (t.method, t.clip, t.id)), dropped


def _method(target: Target) -> str:
    return target.method


def _listed(folder: str) -> list[str]:
    """Names of videos, in the order of the published evaluator."""
    try:
        names = next(walk(folder, 1)).files if is_url(folder) else os.listdir(folder)
    except FileNotFoundError:  # a bucket has no empty folders
        return []
    return sorted(name for name in names if name.endswith(ENDINGS))


def _folder(folder: str, source: Source, asked: Mapping[str, Any]) -> Iterator[Target]:
    method = _only_method(source) or folder.rpartition("/")[2]
    for name in _listed(folder):
        clip = name.rpartition(".")[0]
        truth = replace(source.truth or TruthRef(), clip=clip)
        yield Target(name, clip, method, f"{folder}/{name}", "", _said(asked.get(clip)), truth)


def _official(folder: Path, source: Source, asked: Mapping[str, Any]) -> Iterator[Target]:
    """With the files beside each video as its truth, where no other is given."""
    for target in _folder(str(folder), source, asked):
        beside = TruthRef("sidecars", str(folder / target.clip), target.clip)
        yield replace(target, truth=target.truth if source.truth else beside)


def _miniature(folder: Path, source: Source, asked: Mapping[str, Any]) -> Iterator[Target]:
    there: set[str] = set()
    for clip in sorted(path.name for path in folder.iterdir() if (path / "sample.json").is_file()):
        sample = _sample(folder / clip / "sample.json")
        if source.mode not in (None, sample["mode"]):
            continue
        said = {"prompt": sample["caption"], "word": sample["conditioned_word"]}
        row = _said(asked.get(clip)) or _said(said)
        for name in _listed(str(folder / clip)):
            method = name.rpartition(".")[0]
            there.add(method)
            if method in source.methods or not (source.methods or method == GROUND_TRUTH):
                truth = replace(source.truth or TruthRef(), clip=clip)
                uri = str(folder / clip / name)
                yield Target(f"{clip}/{name}", clip, method, uri, "", row, truth)
    if unknown := set(source.methods) - there:
        raise UserError(
            f"no method {', '.join(sorted(unknown))} in {folder}: there are"
            f" {', '.join(sorted(there)) or 'none'}"
        )


def _sample(file: Path) -> dict[str, Any]:
    try:
        said = json.loads(file.read_text())
        return {key: said[key] for key in ("caption", "conditioned_word", "mode")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file} does not say caption, conditioned_word and mode") from error


def _run(workspace: Workspace, source: Source, asked: Mapping[str, Any]) -> Iterator[Target]:
    """A request that failed is a video that is missing: it counts."""
    run = run_of(workspace.store, source.name)
    method = _only_method(source) or run.fingerprint
    for row in generations(workspace.store, run):
        id, clip = row["request_id"], row["prompt_id"]
        uri = workspace.store.path(f"{run.folder}/{row['file'] or media(id)}")
        said = _said(asked.get(clip)) or {"prompt": row["prompt"]}
        truth = replace(source.truth or TruthRef(), clip=clip)
        yield Target(id, clip, method, uri, row["sha256"] or "", said, truth)


def _only_method(source: Source) -> str | None:
    if len(source.methods) > 1:
        raise UserError("these are the videos of one method: give one --method, its name")
    return source.methods[0] if source.methods else None


def _said(row: Mapping[str, Any] | None) -> dict[str, str]:
    """A row as texts, without what is not there."""
    return {key: str(value) for key, value in (row or {}).items() if value is not None}


def _digested(found: list[Target]) -> list[Target]:
    """With the SHA-256 of each file; a file that cannot be read fails when it is decoded."""
    with ThreadPoolExecutor(4) as threads:
        return list(threads.map(lambda t: replace(t, content=_content(t.uri)), found))


def _content(uri: str) -> str:
    try:
        if not is_url(uri):
            return file_digest(uri)
        with open_media(uri) as file:
            return hashlib.file_digest(cast(Any, file), "sha256").hexdigest()
    except (OSError, ValueError):
        return ""
