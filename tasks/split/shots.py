"""The shots of a corpus as a source for another corpus: each a row, a span of its file."""

import json
from collections.abc import Iterator
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from data.batches import iter_batches
from data.catalog.database import Catalog, load_sql
from data.shards.lists import list_done
from data.shards.stages import Stage
from data.store import layout, tables
from data.workspace import Workspace
from engines.files.time_span import DECIMALS, split_span

NAME = "shots.jsonl"
VIDEOS = 256  # looked up at once
SOURCE = "source_video"


@task(name="list-shots", cache_policy=NO_CACHE, persist_result=False)
def write_shots(workspace: Workspace, stage: Stage) -> tuple[str, int]:
    """Writes the table of all shots that the corpus's videos have now; its path, and how many.

    Videos that were withdrawn, or have another content since, have none in it. A row has the
    columns and the caption of its video, whose id is its `source_video`.
    """
    name, count = f"{stage.folder}/{NAME}", 0
    with (
        workspace.open_synced_catalog(stage.corpus) as catalog,
        workspace.store.create(name) as out,
    ):
        for row in _list_rows(workspace, stage, catalog):
            out.write(json.dumps(row).encode() + b"\n")
            count += 1
    return workspace.store.path(name), count


def _list_rows(workspace: Workspace, stage: Stage, catalog: Catalog) -> Iterator[dict[str, Any]]:
    for shard in list_done(workspace.store, stage.folder):
        table = tables.read_table(workspace.store, layout.shard_file(stage.folder, shard))
        # By content: the video that was split may be another one now, and a copy be left of it.
        shots: dict[str, list[dict[str, Any]]] = {}
        for shot in table.to_pylist():
            shots.setdefault(shot["content"], []).append(shot)
        for contents in iter_batches(shots, VIDEOS):
            ids = [shots[content][0]["video_id"] for content in contents]
            values = {"corpus": stage.corpus, "contents": contents, "ids": ids}
            found = catalog.query_rows(load_sql("videos_of_contents"), **values)
            videos = {row["content"]: row for row in found}
            for content in filter(videos.__contains__, contents):
                yield from (_build_row(videos[content], shot) for shot in shots[content])


def _build_row(video: dict[str, Any], shot: dict[str, Any]) -> dict[str, Any]:
    """A shot's row; that of a video that is a span itself counts from its file's beginning."""
    location, span = split_span(video["uri"])
    start, end = (
        round(shot[name] + (span.start if span else 0.0), DECIMALS)
        for name in ("start_sec", "end_sec")
    )
    columns = json.loads(video["columns"] or "{}")
    return columns | {
        # By its start: another threshold then moves no id to another shot.
        "videoID": f"{video['id']}@{start:.3f}", "videoLoc": location, "txt": video["caption"],
        "start_sec": start, "end_sec": end, SOURCE: video["id"], "shot": shot["shot"],
    }  # fmt: skip
