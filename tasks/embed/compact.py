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
from data.workspace import Workplace
from tasks.progress import say

Rows = list[dict[str, Any]]


@task(name="compact", cache_policy=NO_CACHE, persist_result=False)
def compact(place: Workplace, corpus: str, do: bool) -> Rows:
    """The small files of ingest and embed, packed where that is asked for: folder, files, packs.

    Nothing is removed: a day later what was packed is left over. Pooling makes its vectors of the
    packs when it runs next.
    """
    if not do:
        return [_row(packs) for packs in _plans(place, corpus) if packs]
    made = []
    with place.only_run(corpus, "ingest", say):
        made.append(video_packs(place.store, corpus))
        for pack in made[-1]:
            pack_videos(place.store, corpus, pack)
    with place.only_run(corpus, "embed", say):
        for folder in _stages(place, corpus):
            finish_packs(place.store, folder)
            made.append(shard_packs(place.store, folder))
            for pack in made[-1]:
                pack_shards(place.store, pack)
    return [_row(packs) for packs in made if packs]


def _plans(place: Workplace, corpus: str) -> list[list[Pack]]:
    shards = [shard_packs(place.store, folder) for folder in _stages(place, corpus)]
    return [video_packs(place.store, corpus), *shards]


def _stages(place: Workplace, corpus: str) -> list[str]:
    """The folders of everything that the corpus was embedded as."""
    found = place.store.names(f"{layout.corpus(corpus)}/embed")
    return [folder for folder in found if place.store.exists(layout.spec(folder))]


def _row(packs: list[Pack]) -> dict[str, Any]:
    files = sum(len(pack.files) for pack in packs)
    return {"folder": packs[0].folder, "files": files, "packs": len(packs)}
