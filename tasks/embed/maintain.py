"""Maintenance of a store: verifies source files, removes leftovers, measures drift."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from data.catalog.database import load_sql
from data.catalog.leftovers import Leftover, find_leftovers
from data.errors import UserError
from data.outcome import Done
from data.shards.stages import SOURCES, current_stage, read_spec
from data.specs.pipeline import EmbedSpec
from data.workspace import Workspace
from engines.files.media import stat_media
from engines.video.guard.guard import Guard
from tasks.embed.canary import check_canary
from tasks.embed.writer import EmbedRun
from tasks.ingest.entries import stat_content
from tasks.progress import Progress
from tasks.service.runner import open_runner
from tasks.url_policy import build_url_policy
from tasks.workers import build_probe_setup, count_cores, count_workers

Rows = list[dict[str, Any]]
UNFINISHED = ("half-written", "half-packed", "never published")
CHANGED = "changed since it was ingested"


@task(name="verify", cache_policy=NO_CACHE, persist_result=False)
def verify_videos(workspace: Workspace, corpus: str, sample: int, seed: str) -> Rows:
    """Looks at a sample of videos again; those changed since ingest: id, uri, what is wrong.

    Files that were probed are probed, others are stat'ed; imported vectors have none to look at.
    """
    with workspace.open_synced_catalog(corpus) as catalog:
        rows = catalog.execute(load_sql("sample_videos"), corpus=corpus, count=sample, seed=seed)
    videos = {id: (uri, content) for id, uri, content in rows}
    probed = {id: each for id, each in videos.items() if each[1].startswith("sha256:")}
    stated = {id: each for id, each in videos.items() if each[1].startswith("stat:")}
    return [*_find_changed(workspace, probed), *_find_restamped(workspace, stated)]


def _find_restamped(
    workspace: Workspace, videos: dict[str, tuple[str, str]]
) -> Iterator[dict[str, Any]]:
    """Of videos ingested without a probe those whose size or stamp is another."""
    policy = build_url_policy(workspace.settings)
    for id, (uri, content) in videos.items():
        try:
            wrong = "" if stat_content(uri, *stat_media(uri, policy)) == content else CHANGED
        except OSError as error:
            wrong = f"missing: {error}"
        if wrong:
            yield {"id": id, "uri": uri, "wrong": wrong}


def _find_changed(
    workspace: Workspace, videos: dict[str, tuple[str, str]]
) -> Iterator[dict[str, Any]]:
    settings, progress = workspace.settings, Progress("verify", len(videos))
    setup = replace(build_probe_setup(settings), decoders=count_cores())
    # A file that changed may hang or crash a decoder: the guard can kill its processes.
    with Guard.for_worker(setup) as guard:
        for outcome in guard.probe((id, uri) for id, (uri, _) in videos.items()):
            uri, content = videos[outcome.id]
            if not isinstance(outcome, Done):
                wrong = f"{outcome.reason}: {outcome.detail}"
            else:
                wrong = "" if outcome.value.content == content else CHANGED
            progress.add(failed=1) if wrong else progress.add(done=1)
            if wrong:
                yield {"id": outcome.id, "uri": uri, "wrong": wrong}


@task(name="collect", cache_policy=NO_CACHE, persist_result=False)
def collect_leftovers(workspace: Workspace, keep: int, remove: bool) -> Rows:
    """Lists files that nothing refers to, and with `remove` deletes them: name, bytes, why.

    Each index keeps its published version and those before it, `keep` in all.
    """
    found = find_leftovers(workspace.store, keep)
    leftovers = [each for each in found if not _is_under_way(workspace, each)]
    if remove:
        for leftover in leftovers:
            workspace.store.delete(leftover.name)
    return [{"name": each.name, "bytes": each.bytes, "why": each.why} for each in leftovers]


def _is_under_way(workspace: Workspace, leftover: Leftover) -> bool:
    """Whether a run works in the folder right now, whose files may wait for longer than a day."""
    root, corpus, kind, *_ = [*leftover.name.split("/"), "", ""]
    if root != "corpora" or leftover.why not in UNFINISHED:
        return False
    at_once = workspace.settings.model_copy(update={"wait_s": 0.0})
    stage = kind if kind in ("embed", *SOURCES) else "ingest"
    try:
        with replace(workspace, settings=at_once).lock_stage(corpus, stage, lambda _: None):
            return False
    except UserError:  # another run holds it
        return True


@task(name="canary-now", cache_policy=NO_CACHE, persist_result=False)
def measure_canary(workspace: Workspace, corpus: str) -> float | None:
    """The smallest cosine between the canary's vectors now and those of the first embedding.

    None before a corpus is embedded; a UserError where the vectors drifted apart.
    """
    stage = current_stage(workspace.store, corpus, "embed")
    if stage is None:
        return None
    spec = read_spec(workspace.store, stage, EmbedSpec)
    with open_runner(workspace.settings, count_workers(workspace.settings)) as runner:
        return check_canary.fn(EmbedRun(workspace, stage, spec, runner))
