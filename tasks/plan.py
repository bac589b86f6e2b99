"""Planning: what is missing becomes written lists, once."""

from collections.abc import Iterator
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from data.catalog import merge
from data.catalog.database import Catalog, sql
from data.catalog.failures import Failures
from data.records import Video
from data.shards.lists import Shard, next_number, pending, shard_name, write_shard
from data.shards.stages import Stage
from data.workspace import Workspace
from tasks.retry import decoder


@task(name="plan", cache_policy=NO_CACHE, persist_result=False)
def plan(workspace: Workspace, stage: Stage, retry: Failures | None = None) -> list[str]:
    """The shards to run: those without a receipt, after everything missing was written into some.

    With `retry`, videos whose last attempt was such a failure get a new attempt.
    """
    with workspace.catalog() as catalog:
        merge.sync_videos(catalog, workspace.store, stage.corpus)
        merge.sync_stage(catalog, workspace.store, stage.corpus, stage.kind, stage.fingerprint)
        number = next_number(workspace.store, stage.folder)
        for attempt, videos in _lists(catalog, workspace, stage, retry):
            shard = Shard(shard_name(number), attempt, tuple(videos))
            write_shard(workspace.store, stage.folder, shard)
            number += 1
        merge.sync_stage(catalog, workspace.store, stage.corpus, stage.kind, stage.fingerprint)
    return pending(workspace.store, stage.folder)


def _lists(
    catalog: Catalog, workspace: Workspace, stage: Stage, retry: Failures | None
) -> Iterator[tuple[int, list[Video]]]:
    values: dict[str, Any] = {
        "corpus": stage.corpus, "stage": stage.kind, "fingerprint": stage.fingerprint
    }  # fmt: skip
    size = workspace.settings.shard_size
    for rows in catalog.stream(sql("missing"), size, **values):
        yield 1, [Video(*row) for row in rows]
    if retry is not None:
        attempt = 1 + catalog.execute(sql("last_attempt"), **values)[0][0]
        for rows in catalog.stream(sql("retry"), size, **retry.values(decoder()), **values):
            yield attempt, [Video(*row) for row in rows]


def planned(workspace: Workspace, stage: Stage, shards: list[str]) -> tuple[int, float]:
    """How many videos the shards list, and how many hours they last."""
    with workspace.catalog() as catalog:
        values = {"corpus": stage.corpus, "stage": stage.kind, "fingerprint": stage.fingerprint}
        videos, hours = catalog.execute(sql("planned"), shards=shards, **values)[0]
    return videos, hours
