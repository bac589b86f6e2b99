"""Provenance: the outputs that a video influenced, and the clips that an output was made from."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from data.catalog import merge
from data.catalog.database import load_sql
from data.catalog.merge_runs import sync_runs
from data.errors import UserError
from data.runs.refinements import find_refined
from data.store import layout
from data.workspace import Workspace

Outputs = list[dict[str, Any]]


def read_provenance(workspace: Workspace, name: str, corpus: str | None = None) -> dict[str, Any]:
    """The provenance of a video, by its id, or of an output, by its request's id or its file.

    `videos` have this id, with when and why they were withdrawn; `influenced` are the outputs that
    these conditioned; `outputs` have this id, or the bytes of this file, with a row for each clip
    that conditioned them, and the `image` that they started from. `refined` are the refined videos
    of this id or file, or made of any of these. A UserError where nothing has this name.
    """
    path = Path(name)  # a copy of an output is known by its bytes, wherever it was moved
    content = sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
    query = {"id": name, "corpus": None if corpus is None else workspace.check_corpus(corpus)}
    outputs = list_influenced(workspace, name, corpus)
    refined = find_refined(workspace.store, {content} - {""}, name)
    # A refined video is not its output: what that was made from is found by its bytes.
    contents = {content, *(row["content"] for row in refined)}
    with workspace.open_catalog() as catalog:
        record = {
            "videos": catalog.query_rows(load_sql("videos_with_withdrawal"), **query),
            "influenced": outputs,
            "outputs": [
                row
                for each in sorted(contents)
                for row in catalog.query_rows(load_sql("output_sources"), sha256=each, **query)
                if each == content or row["sha256"] == each
            ],
        }
    made = {row["sha256"] for row in (*outputs, *record["outputs"]) if row["sha256"]}
    refined += find_refined(workspace.store, made)
    record["refined"] = list({row["refinement"] + row["id"]: row for row in refined}.values())
    if not (record["videos"] or record["outputs"] or record["refined"]):
        where = f" in {corpus}" if corpus else ""
        raise UserError(
            f"no video or output {name!r}{where}: give a video's id, a request's id, or the path of"
            " a generated file"
        )
    record["outputs"] = [
        _resolve_file(workspace, row | {"image": _read_image(workspace, row)})
        for row in record["outputs"]
    ]
    return record


def list_influenced(workspace: Workspace, video: str, corpus: str | None) -> Outputs:
    """The outputs that a video or an exact copy of it conditioned, and as which hit."""
    with workspace.open_catalog() as catalog:
        # Every corpus and run: the outputs may be another host's, or of a killed run.
        merge.sync_all(catalog, workspace.store)
        rows = catalog.query_rows(load_sql("outputs_of_video"), id=video, corpus=corpus)
    return [_resolve_file(workspace, row) for row in rows]


def _resolve_file(workspace: Workspace, row: dict[str, Any]) -> dict[str, Any]:
    """The row with the full path of its file, if it has one."""
    file = row["file"]
    return row | {
        "file": file and workspace.store.path(f"{layout.generation_folder(row['run'])}/{file}")
    }


def _read_image(workspace: Workspace, row: dict[str, Any]) -> str | None:
    """The first frame that an output was made from, if it was its request's own."""
    if not row["file"]:
        return None
    name = f"{layout.generation_folder(row['run'])}/{row['file'].removesuffix('.mp4')}.json"
    if not workspace.store.exists(name):
        return None
    return json.loads(workspace.store.read(name))["row"].get("image")


def list_runs(workspace: Workspace, corpus: str | None = None) -> list[dict[str, Any]]:
    """Every run of generation with its counts, newest first."""
    if corpus is not None:
        workspace.check_corpus(corpus)
    with workspace.open_catalog() as catalog:
        sync_runs(catalog, workspace.store)
        return catalog.query_rows(load_sql("generation_runs"), corpus=corpus)
