"""Many small files of a corpus made few: first what would be packed, then the packs."""

from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from data.catalog.compaction import (
    Pack,
    finish_packs,
    pack_shards,
    pack_videos,
    shard_packs,
    video_packs,
)
from data.store import layout
from data.workspace import Workspace
from tasks.progress import say

Rows = list[dict[str, Any]]


@task(name="compact", cache_policy=NO_CACHE, persist_result=False)
def compact(workspace: Workspace, corpus: str, do: bool) -> Rows:
    """The small files of ingest and embed, packed where that is asked for: folder, files, packs.

    Nothing is removed: a day later what was packed is left over. Pooling makes its vectors of the
    packs when it runs next.
    """
    if not do:
        return [_row(packs) for packs in _plans(workspace, corpus) if packs]
    made = []
    with workspace.only_run(corpus, "ingest", say):
        made.append(video_packs(workspace.store, corpus))
        for pack in made[-1]:
            pack_videos(workspace.store, corpus, pack)
    with workspace.only_run(corpus, "embed", say):
        for folder in _stages(workspace, corpus):
            finish_packs(workspace.store, folder)
            made.append(shard_packs(workspace.store, folder))
            for pack in made[-1]:
                pack_shards(workspace.store, pack)
    return [_row(packs) for packs in made if packs]


def _plans(workspace: Workspace, corpus: str) -> list[list[Pack]]:
    shards = [shard_packs(workspace.store, folder) for folder in _stages(workspace, corpus)]
    return [video_packs(workspace.store, corpus), *shards]


def _stages(workspace: Workspace, corpus: str) -> list[str]:
    """The folders of everything that the corpus was embedded as."""
    found = workspace.store.names(f"{layout.corpus(corpus)}/embed")
    return [folder for folder in found if workspace.store.exists(layout.spec(folder))]


def _row(packs: list[Pack]) -> dict[str, Any]:
    files = sum(len(pack.files) for pack in packs)
    return {"folder": packs[0].folder, "files": files, "packs": len(packs)}
