"""Upkeep of a store: files are what they were, leftovers go, the model still says the same."""

from collections.abc import Iterator
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from data.catalog import merge
from data.catalog.database import sql
from data.catalog.leftovers import leftovers
from data.outcome import Done
from data.shards.stages import current, spec_of
from data.specs.pipeline import EmbedSpec
from data.workspace import Workspace
from engines.video.guard.guard import Guard
from tasks.embed.canary import check_canary
from tasks.embed.shard import Embedding
from tasks.progress import Progress
from tasks.workers import cores, embed_workers, open_runner

Rows = list[dict[str, Any]]


@task(name="verify", cache_policy=NO_CACHE, persist_result=False)
def verify(workspace: Workspace, corpus: str, sample: int, seed: str) -> Rows:
    """Of a sample of videos those that are not what was ingested: id, uri, and what is wrong."""
    with workspace.catalog() as catalog:
        merge.sync_videos(catalog, workspace.store, corpus)
        asked = {"corpus": corpus, "count": sample, "seed": seed}
        rows = {id: (uri, content) for id, uri, content in catalog.execute(sql("sample"), **asked)}
    return list(_changed(workspace, rows))


def _changed(workspace: Workspace, rows: dict[str, tuple[str, str]]) -> Iterator[dict[str, Any]]:
    settings, progress = workspace.settings, Progress("verify", len(rows))
    with Guard(cores(), settings.decode_deadline_s, settings.decoder_memory_gb) as guard:
        for outcome in guard.probe((id, uri) for id, (uri, _) in rows.items()):
            uri, content = rows[outcome.id]
            if not isinstance(outcome, Done):
                wrong = f"{outcome.reason}: {outcome.detail}"
            else:
                wrong = "" if outcome.value.content == content else "changed since it was ingested"
            progress.add(failed=1) if wrong else progress.add(done=1)
            if wrong:
                yield {"id": outcome.id, "uri": uri, "wrong": wrong}


@task(name="collect", cache_policy=NO_CACHE, persist_result=False)
def collect(workspace: Workspace, keep: int, remove: bool) -> Rows:
    """What nothing names any more, removed where that is asked for: name, bytes, why."""
    found = list(leftovers(workspace.store, keep))
    if remove:
        for each in found:
            workspace.store.delete(each.name)
    return [{"name": each.name, "bytes": each.bytes, "why": each.why} for each in found]


@task(name="canary-now", cache_policy=NO_CACHE, persist_result=False)
def canary_now(workspace: Workspace, corpus: str) -> float | None:
    """The least cosine of the canary now and when the corpus was first embedded; None before.

    A UserError where they drifted apart.
    """
    stage = current(workspace.store, corpus, "embed")
    if stage is None:
        return None
    spec = spec_of(workspace.store, stage, EmbedSpec)
    with open_runner(workspace.settings, embed_workers(workspace.settings)) as runner:
        return check_canary.fn(Embedding(workspace, stage, spec, runner))
