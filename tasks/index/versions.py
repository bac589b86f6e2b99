"""Versions of an index in the store: listed, fetched, and published behind an alias."""

import shutil
from pathlib import Path

from data.shards.stages import Stage
from data.workspace import Workspace
from engines.index import version


def list_versions(workspace: Workspace, stage: Stage) -> list[str]:
    """The folders of the stage's complete versions: those with an `index.json`."""
    folders = workspace.store.list_names(stage.folder)
    return [name for name in folders if workspace.store.exists(f"{name}/{version.ABOUT}")]


def fetch_version(workspace: Workspace, stage: Stage, name: str, copy: Path) -> Path:
    """The local folder of a published version; from a remote store it is copied into `copy`."""
    folder = f"{stage.folder}/{name}"
    if workspace.store.is_local:
        return workspace.store.local_path(folder)
    copy.mkdir(parents=True)
    for file in workspace.store.list_names(folder):
        (copy / file.rsplit("/", 1)[-1]).write_bytes(workspace.store.read(file))
    return copy


def publish_version(workspace: Workspace, stage: Stage, built: Path) -> str:
    """Copies a built version into the store, then switches the alias to it; its name."""
    store, folder = workspace.store, stage.folder
    # Only complete versions count: the next one overwrites what a killed run left of its own.
    name = f"v{len(list_versions(workspace, stage)) + 1:04d}"
    # `index.json` last: a version counts as complete once it is there.
    for file in sorted(built.iterdir(), key=lambda path: path.name == version.ABOUT):
        with store.create(f"{folder}/{name}/{file.name}") as target, file.open("rb") as source:
            shutil.copyfileobj(source, target, 1 << 22)
    store.write(f"{folder}/current", name.encode())
    return name
