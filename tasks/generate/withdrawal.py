"""Withdraws a video: searches skip it, and outputs that it conditioned are made again without."""

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
from tasks.generate.motion_source import MOTION_SOURCE
from tasks.generate.provenance import Outputs
from tasks.generate.requests import replan_requests


def mark_withdrawn(
    workspace: Workspace, corpus: str, video: str, why: str | None
) -> dict[str, Any]:
    """Marks a video as withdrawn, for good; the record of the first withdrawal."""
    name = f"{layout.withdrawn_folder(corpus)}/{file_name(video)}.json"
    if not workspace.store.exists(name):
        record = {"video_id": video, "content": _read_content(workspace, corpus, video)}
        record |= {"at": utc_now(), "why": why or ""}
        workspace.store.write(name, json.dumps(record).encode())
    with workspace.open_catalog() as catalog:
        merge.sync_withdrawn(catalog, workspace.store, corpus)
    return json.loads(workspace.store.read(name))


def group_by_run(workspace: Workspace, outputs: Outputs) -> list[tuple[Run, Outputs]]:
    """Each run with its outputs; a UserError where a run's models have changed since."""
    by_run: dict[str, Outputs] = defaultdict(list)
    for output in outputs:
        by_run[output["run"]].append(output)
    runs = [(read_run(workspace.store, run), rows) for run, rows in by_run.items()]
    # All are checked before any output is removed.
    for run, _ in runs:
        engine = load_plugin("generate.generators", run.spec.engine)
        models = {name: digest for name, digest in run.digests.items() if name != MOTION_SOURCE}
        if (engine.VERSION, engine.digests(run.spec)) != (run.version, models):
            raise UserError(
                f"the models of run {run.fingerprint} have changed: put the old ones back, or make"
                " its videos again with `reelflow generate`"
            )
    return runs


def remove_outputs(workspace: Workspace, run: Run, outputs: Outputs) -> None:
    """Removes the outputs' files, and plans their requests again."""
    ids = sorted({output["request_id"] for output in outputs})
    for id in ids:
        file = f"{run.folder}/{media_path(id)}"
        # The row goes first: it marks the file as complete, and must never outlive it.
        workspace.store.delete(f"{file.removesuffix('.mp4')}.json")
        workspace.store.delete(file)
    replan_requests(workspace, run, ids)


def _read_content(workspace: Workspace, corpus: str, video: str) -> str | None:
    with workspace.open_synced_catalog(corpus) as catalog:
        rows = catalog.query_rows(load_sql("videos_with_withdrawal"), corpus=corpus, id=video)
    if not rows:
        raise UserError(f"no video {video!r} in {corpus}: give its id in the source")
    return rows[0]["content"]
