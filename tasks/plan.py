"""Planning, for every stage: what is missing becomes written lists, once.

What is listed and has no receipt yet is taken up again, and never listed a second time.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE

from data.catalog import merge
from data.catalog.database import Catalog, load_sql
from data.catalog.failures import TRANSIENT_REASONS, Failures
from data.catalog.merged import read_files
from data.records import Video
from data.shards.lists import Shard, add_shards, list_pending, read_shard, write_shard
from data.shards.stages import Stage
from data.store.storage import Store
from data.workspace import Workspace
from tasks.retry import decoder_version


class HasId(Protocol):
    """Anything with an id that is unique among the items of its stage."""

    @property
    def id(self) -> str: ...


Item = TypeVar("Item", bound=HasId)
Wanted = TypeVar("Wanted", bound=HasId)
ReadItem = Callable[[dict[str, Any]], Item]


@task(name="plan", cache_policy=NO_CACHE, persist_result=False)
def plan_videos(
    workspace: Workspace, stage: Stage, retry: Failures | None = None,
    outdated: tuple[str, dict[str, Any]] | None = None,
) -> list[str]:  # fmt: skip
    """Lists every video of the corpus that no shard lists; the stage's shards to run.

    Videos whose last attempt met no file, though ingest has one, are listed for another attempt;
    with `retry`, those also whose last attempt was such a failure; with `outdated`, a query and its
    values, those whose result is of what they no longer are.
    """
    store, size = workspace.store, workspace.settings.shard_size
    where = stage_values(stage)
    with workspace.open_synced_catalog(stage.corpus) as catalog:
        # Streamed: a first plan may list millions of videos.
        missing = _stream_videos(catalog, "unlisted_videos", size, where)
        add_shards(store, stage.folder, missing, size)
        attempt = 1 + catalog.execute(load_sql("last_attempt"), **where)[0][0]
        chosen = [
            ("failed_videos", which.to_parameters(decoder_version()))
            for which in filter(None, (retry, Failures(reasons=TRANSIENT_REASONS)))
        ]
        for query, values in (*chosen, *filter(None, [outdated])):
            again = _stream_videos(catalog, query, size, where | values)
            add_shards(store, stage.folder, again, size, attempt)
            # The new lists too: what they list is not listed again, and progress counts it.
            merge.sync_stage(catalog, store, stage.corpus, stage.kind, stage.fingerprint)
    return list_pending(store, stage.folder)


def select_missing(
    store: Store, folder: str, wanted: Iterable[Wanted], answered: Container[str],
    read_item: ReadItem,
) -> list[Wanted]:  # fmt: skip
    """The wanted items that neither have an answer nor are in a pending list."""
    pending = (read_shard(store, folder, name, read_item) for name in list_pending(store, folder))
    waiting = {item.id for shard in pending for item in shard.items}
    return [item for item in wanted if item.id not in waiting and item.id not in answered]


def update_pending(
    store: Store, folder: str, read_item: Callable[[dict[str, Any]], Item],
    update: Callable[[Sequence[Item]], Sequence[Item]],
) -> None:  # fmt: skip
    """Rewrites each pending list with the items that `update` returns: the same ids, in order."""
    for name in list_pending(store, folder):
        shard = read_shard(store, folder, name, read_item)
        items = tuple(update(shard.items))
        if items != shard.items:
            write_shard(store, folder, replace(shard, items=items))


def count_planned(workspace: Workspace, stage: Stage, shards: list[str]) -> tuple[int, float]:
    """How many videos the shards list, and their hours.

    By their lists: the catalogue would look through the whole corpus for them.
    """
    videos, seconds = 0, 0.0
    for _, shard in read_files(workspace.store, partial(_read_list, workspace, stage), shards):
        videos += len(shard.items)
        seconds += sum(video.duration or 0 for video in shard.items)
    return videos, seconds / 3600


def _read_list(workspace: Workspace, stage: Stage, name: str) -> Shard[Video]:
    return read_shard(workspace.store, stage.folder, name, lambda item: Video(**item))


def stage_values(stage: Stage) -> dict[str, Any]:
    """The stage as SQL files name it."""
    return {"corpus": stage.corpus, "stage": stage.kind, "fingerprint": stage.fingerprint}


def _stream_videos(
    catalog: Catalog, query: str, size: int, values: dict[str, Any]
) -> Iterator[Video]:
    for rows in catalog.stream(load_sql(query), size, **values):
        for row in rows:
            yield Video(*row)
