"""Withdrawing a video: a mark that searches heed, and what was made of it made again without."""

import json
from collections import defaultdict
from typing import Any

from data.catalog import merge
from data.catalog.database import load_sql
from data.errors import UserError
from data.ids import file_name
from data.runs.generations import Run, media_path, read_run
from data.stamps import utc_now
from data.store import layout
from data.workspace import Workspace
from engines.base import load_plugin
from tasks.generate.provenance import Outputs
from tasks.generate.requests import replan_requests


def mark_withdrawn(
    workspace: Workspace, corpus: str, video: str, why: str | None
) -> dict[str, Any]:
    """Marks the video for good; what the mark says, the first one's where there was one."""
    name = f"{layout.withdrawn_folder(corpus)}/{file_name(video)}.json"
    if not workspace.store.exists(name):
        said = {"video_id": video, "content": _read_content(workspace, corpus, video)}
        said |= {"at": utc_now(), "why": why or ""}
        workspace.store.write(name, json.dumps(said).encode())
    with workspace.open_catalog() as catalog:
        merge.sync_withdrawn(catalog, workspace.store, corpus)
    return json.loads(workspace.store.read(name))


def group_by_run(workspace: Workspace, outputs: Outputs) -> list[tuple[Run, Outputs]]:
    """The runs that made the outputs; a UserError where a model is no longer what made them."""
    found: dict[str, Outputs] = defaultdict(list)
    for output in outputs:
        found[output["run"]].append(output)
    runs = [(read_run(workspace.store, run), some) for run, some in found.items()]
    for run, _ in runs:
        engine = load_plugin("generate.generators", run.spec.engine)
        if (engine.VERSION, engine.digests(run.spec)) != (run.version, run.digests):
            raise UserError(
                f"the models are no longer those of run {run.fingerprint}: put them back, or make"
                " its videos anew with `reelflow generate`"
            )
    return runs


def remove_outputs(workspace: Workspace, run: Run, outputs: Outputs) -> None:
    """Removes the outputs' files, and plans their requests once more."""
    ids = sorted({output["request_id"] for output in outputs})
    for id in ids:
        file = f"{run.folder}/{media_path(id)}"
        workspace.store.delete(
            f"{file.removesuffix('.mp4')}.json"
        )  # first: no mark without its file
        workspace.store.delete(file)
    replan_requests(workspace, run, ids)


def _read_content(workspace: Workspace, corpus: str, video: str) -> str | None:
    with workspace.open_catalog() as catalog:
        merge.sync_videos(catalog, workspace.store, corpus)
        found = catalog.query_rows(load_sql("videos_with_withdrawal"), corpus=corpus, id=video)
    if not found:
        raise UserError(f"no video {video!r} in {corpus}: give the id that the source gave it")
    return found[0]["content"]
