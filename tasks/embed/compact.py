"""Compaction: packs the many small files of a corpus's ingests and shards into few."""

from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from data.catalog.compaction import (
    Pack,
    finish_packs,
    pack_shards,
    pack_videos,
    plan_shard_packs,
    plan_video_packs,
)
from data.store import layout
from data.workspace import Workspace
from tasks.service.turns import wait_turn

Rows = list[dict[str, Any]]


@task(name="compact", cache_policy=NO_CACHE, persist_result=False)
def compact_corpus(workspace: Workspace, corpus: str, do: bool) -> Rows:
    """Packs the small files of ingest and embed, or with `do` off lists them: folder, files, packs.

    Removes nothing: packed files become leftovers a day later, and pooling reads the packs when it
    runs next.
    """
    if not do:
        return [_build_row(packs) for packs in _plan_packs(workspace, corpus) if packs]
    packs_by_folder = []
    with workspace.lock_stage(corpus, "ingest", wait_turn):
        packs_by_folder.append(plan_video_packs(workspace.store, corpus))
        for pack in packs_by_folder[-1]:
            pack_videos(workspace.store, corpus, pack)
    with workspace.lock_stage(corpus, "embed", wait_turn):
        for folder in _list_embed_folders(workspace, corpus):
            # First of all: a killed compaction may have left packs whose lists are not written.
            finish_packs(workspace.store, folder)
            packs_by_folder.append(plan_shard_packs(workspace.store, folder))
            for pack in packs_by_folder[-1]:
                pack_shards(workspace.store, pack)
    return [_build_row(packs) for packs in packs_by_folder if packs]


def _plan_packs(workspace: Workspace, corpus: str) -> list[list[Pack]]:
    shards = [
        plan_shard_packs(workspace.store, folder)
        for folder in _list_embed_folders(workspace, corpus)
    ]
    return [plan_video_packs(workspace.store, corpus), *shards]


def _list_embed_folders(workspace: Workspace, corpus: str) -> list[str]:
    """The folders of all embed stages of the corpus."""
    folders = workspace.store.list_names(f"{layout.corpus_folder(corpus)}/embed")
    return [folder for folder in folders if workspace.store.exists(layout.spec_file(folder))]


def _build_row(packs: list[Pack]) -> dict[str, Any]:
    files = sum(len(pack.files) for pack in packs)
    return {"folder": packs[0].folder, "files": files, "packs": len(packs)}
