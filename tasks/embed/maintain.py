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
from data.workspace import Workplace
from engines.video.guard.guard import Guard
from tasks.embed.canary import check_canary
from tasks.embed.shard import Embedding
from tasks.progress import Progress
from tasks.workers import cores, embed_workers, open_runner

Rows = list[dict[str, Any]]


@task(name="verify", cache_policy=NO_CACHE, persist_result=False)
def verify(place: Workplace, corpus: str, sample: int, seed: str) -> Rows:
    """Of a sample of videos those that are not what was ingested: id, uri, and what is wrong."""
    with place.catalog() as catalog:
        merge.sync_videos(catalog, place.store, corpus)
        asked = {"corpus": corpus, "count": sample, "seed": seed}
        rows = {id: (uri, content) for id, uri, content in catalog.execute(sql("sample"), **asked)}
    return list(_changed(place, rows))


def _changed(place: Workplace, rows: dict[str, tuple[str, str]]) -> Iterator[dict[str, Any]]:
    settings, progress = place.settings, Progress("verify", len(rows))
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
def collect(place: Workplace, keep: int, remove: bool) -> Rows:
    """What nothing names any more, removed where that is asked for: name, bytes, why."""
    found = list(leftovers(place.store, keep))
    if remove:
        for each in found:
            place.store.delete(each.name)
    return [{"name": each.name, "bytes": each.bytes, "why": each.why} for each in found]


@task(name="canary-now", cache_policy=NO_CACHE, persist_result=False)
def canary_now(place: Workplace, corpus: str) -> float | None:
    """The least cosine of the canary now and when the corpus was first embedded; None before.

    A UserError where they drifted apart.
    """
    stage = current(place.store, corpus, "embed")
    if stage is None:
        return None
    spec = spec_of(place.store, stage, EmbedSpec)
    with open_runner(place.settings, embed_workers(place.settings)) as runner:
        return check_canary.fn(Embedding(place, stage, spec, runner))
