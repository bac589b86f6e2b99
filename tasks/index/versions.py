"""Versions of an index in the store: named, listed, fetched, and published behind an alias."""

import json
import re
import shutil
from pathlib import Path

from data.errors import UserError
from data.shards.stages import Stage, current_stage, published_version
from data.workspace import Workspace
from engines.index import version

NAME = re.compile(r"v(\d+)")
BLOCK = 1 << 22
LAST = "last-version"  # the highest name ever given, also of versions that were removed since


def list_versions(workspace: Workspace, stage: Stage) -> list[str]:
    """The folders of the stage's complete versions: those with an `index.json`."""
    folders = workspace.store.list_names(stage.folder)
    return [name for name in folders if workspace.store.exists(f"{name}/{version.ABOUT}")]


def find_index(workspace: Workspace, corpus: str) -> tuple[Stage, str]:
    """Returns the corpus's published index and its version; raises a UserError without one."""
    stage = current_stage(workspace.store, corpus, "index")
    newest = published_version(workspace.store, stage)
    if stage is None or newest is None:
        raise UserError(f"{corpus} has no index yet: build one with `reelflow run {corpus}`")
    return stage, newest


def next_version(workspace: Workspace, stage: Stage) -> str:
    """The name of the stage's next version: one more than the highest that was ever given."""
    store, last = workspace.store, f"{stage.folder}/{LAST}"
    # Stores of 0.1.0 have no record: there the versions that lie there, and the published one, are
    # known. A folder without `index.json` is what a killed run left, and is written over.
    names = [folder.rsplit("/", 1)[-1] for folder in list_versions(workspace, stage)]
    names.append(published_version(store, stage) or "")
    if store.exists(last):
        names.append(store.read(last).decode().strip())
    numbers = [int(match[1]) for name in names if (match := NAME.fullmatch(name))]
    return f"v{max(numbers, default=0) + 1:04d}"


def fetch_version(workspace: Workspace, stage: Stage, name: str, copy: Path) -> Path:
    """The local folder of a published version; from a remote store it is copied into `copy`."""
    folder = f"{stage.folder}/{name}"
    if workspace.store.is_local:
        return workspace.store.local_path(folder)
    copy.mkdir(parents=True)
    for file in workspace.store.list_names(folder):
        # In blocks: an index may be larger than this machine's memory.
        with workspace.store.open(file) as source:
            with (copy / file.rsplit("/", 1)[-1]).open("wb") as target:
                shutil.copyfileobj(source, target, BLOCK)
    return copy


def read_count(workspace: Workspace, stage: Stage, name: str) -> int:
    """How many rows a version has."""
    about = workspace.store.read(f"{stage.folder}/{name}/{version.ABOUT}")
    return int(json.loads(about)["count"])


def publish_version(workspace: Workspace, stage: Stage, built: Path) -> str:
    """Copies a built version into the store, then switches the alias to it; its name."""
    store, folder, name = workspace.store, stage.folder, next_version(workspace, stage)
    store.delete(f"{folder}/{name}")  # else a file that a killed run left would be part of it
    # `index.json` last: a version counts as complete once it is there. Its name is recorded just
    # before, so that it is never given again, even where the version is removed unpublished.
    for file in sorted(built.iterdir(), key=lambda path: path.name == version.ABOUT):
        if file.name == version.ABOUT:
            store.write(f"{folder}/{LAST}", name.encode())
        with store.create(f"{folder}/{name}/{file.name}") as target, file.open("rb") as source:
            shutil.copyfileobj(source, target, BLOCK)
    store.write(f"{folder}/current", name.encode())
    return name
