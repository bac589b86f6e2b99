"""The ingest stage: checks and probes a source's rows, part by part, and accounts for each."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from data.catalog import merge
from data.catalog.seen_ids import SeenIds, read_stored_videos
from data.outcome import NOT_DELIVERED, Done, Outcome
from data.records import Probe, Row, Video
from data.stamps import utc_now
from data.store import layout, tables
from data.workspace import Workspace
from engines.base import Engine, Runner
from engines.files.hosts import HostHealth
from engines.files.leftovers import describe_leftovers
from engines.files.listing import detect_kind
from engines.ingest.open_source import open_source
from tasks.host_tally import HostTally
from tasks.ingest.counts import Counts
from tasks.ingest.entries import IDENTITY, Entry, read_entries, stat_content, stat_entries, to_table
from tasks.ingest.precautions import keep_withdrawn, refuse_vanished
from tasks.progress import Progress, notify
from tasks.retry import decoder_version
from tasks.shard import run_items
from tasks.url_policy import build_url_policy
from tasks.workers import build_probe_engine


@dataclass(frozen=True, slots=True)
class Ingest:
    """One run over a source; `probe` is None where files are only stat'ed, not read.

    `origin` is the source whose host rows may name: of rows that are tried again, that of each.
    """

    corpus: str
    run: int
    source: str
    probe: Callable[[], Engine] | None
    origin: str
    accept_missing: bool = False
    tally: HostTally = field(default_factory=HostTally, compare=False)
    columns: dict[str, str] = field(default_factory=dict, compare=False)
    hosts: HostHealth = field(default_factory=HostHealth, compare=False)

    @property
    def header(self) -> str:
        return f"{layout.ingests_folder(self.corpus)}/{self.run:06d}.json"


def read_source(source: str, columns: dict[str, str]) -> Iterator[Row]:
    """Reads the source's rows lazily; `columns` maps our columns to the source's."""
    policy = build_url_policy()
    # A folder whose videos have an unknown ending must not look like one without videos.
    is_walked = os.path.isdir(source) and detect_kind(source, policy) == "video"
    if is_walked and (leftovers := describe_leftovers(source)):
        notify(f"not taken from {source}: {leftovers}")
    return open_source(source, columns, policy)


def begin_ingest(
    workspace: Workspace, corpus: str, source: str, probe: bool, origin: str | None = None,
    accept_missing: bool = False, tally: HostTally | None = None,
    columns: dict[str, str] | None = None,
) -> Ingest:  # fmt: skip
    """Starts the next ingest of a corpus, and writes its header before its first part.

    `columns` are noted, for the nights that ingest the same source.
    """
    keep_withdrawn(workspace, corpus)
    headers = workspace.store.list_names(layout.ingests_folder(corpus), ".json")
    numbers = [int(h.rsplit("/", 1)[-1][:6]) for h in headers]
    make = build_probe_engine(workspace.settings) if probe else None
    run = max(numbers, default=0) + 1
    tally = tally or HostTally()
    ingest = Ingest(
        corpus, run, source, make, origin or source, accept_missing, tally, columns=columns or {}
    )
    # Before the first part, so that no later ingest takes this number if this one is killed.
    record = {"run": ingest.run, "source": source, "probed": probe}
    if origin and origin != source:
        record["origin"] = origin
    workspace.store.write(ingest.header, json.dumps(record).encode())
    return ingest


def finish_ingest(workspace: Workspace, ingest: Ingest, counts: Counts) -> None:
    """Marks an ingest as complete: rows that its source rejected earlier no longer count."""
    record: dict[str, Any] = {"run": ingest.run, "source": ingest.source, "finished": utc_now()}
    if ingest.columns:
        record["columns"] = ingest.columns
    content = json.dumps(record | asdict(counts)).encode()
    workspace.store.write(ingest.header.replace(".json", "-done.json"), content)
    with workspace.open_catalog() as catalog:
        merge.sync_videos(catalog, workspace.store, ingest.corpus)


@task(name="ingest-part", task_run_name="ingest-part-{part}", cache_policy=NO_CACHE,
      persist_result=False)  # fmt: skip
def ingest_part(
    workspace: Workspace, ingest: Ingest, part: int, rows: Sequence[Row], seen: SeenIds,
    runner: Runner, counts: Counts, progress: Progress,
) -> None:  # fmt: skip
    """Checks and probes rows, and writes an entry of each that is new or has changed."""
    progress.total += len(rows)
    entries = read_entries(rows, seen)
    with workspace.open_catalog() as catalog:
        ids = [str(entry.id) for entry in entries if not entry.rejected]
        before = read_stored_videos(catalog, ingest.corpus, ids)
    policy = build_url_policy(workspace.settings, ingest.origin)
    stat_entries([entry for entry in entries if entry.reason is None], policy, ingest.hosts)
    if not ingest.accept_missing:
        refuse_vanished(entries, before, ingest.source, ingest.corpus)
    # Unchanged files are not read again: a nightly ingest of a large corpus is mostly stats.
    fresh = [each for each in entries if not _is_unchanged(each, before.get(str(each.id)), ingest)]
    progress.add(done=len(entries) - len(fresh))
    _identify_files(fresh, ingest, runner, progress)
    # With a failure goes its decoder: `retry` finds those that another version may decode.
    now = decoder_version()
    for entry in fresh:
        entry.decoder = now if entry.reason else None
    _write_entries(workspace, ingest, part, [
        entry for entry in fresh if not _adds_nothing(entry, before.get(str(entry.id)))
    ])  # fmt: skip
    counts.add(entries, {entry.line for entry in fresh}, before.keys())
    for entry in entries:
        if entry.uri and not entry.rejected:
            fault = entry.detail if entry.reason in NOT_DELIVERED else None
            ingest.tally.add(entry.uri, fault)


def _write_entries(
    workspace: Workspace, ingest: Ingest, part: int, entries: Sequence[Entry]
) -> None:
    if not entries:
        return
    name = f"{layout.videos_folder(ingest.corpus)}/{ingest.run:06d}-{part:06d}.parquet"
    with tables.open_writer(workspace.store, name, tables.VIDEOS) as writer:
        writer.write_table(to_table(entries))
    with workspace.open_catalog() as catalog:
        merge.sync_videos(catalog, workspace.store, ingest.corpus)


def _is_unchanged(entry: Entry, before: dict[str, Any] | None, ingest: Ingest) -> bool:
    if before is None or entry.rejected or entry.reason or before["reason"]:
        return False
    # A digest serves where a stat would do; not the other way round.
    probed = before["content"].startswith("sha256:") or ingest.probe is None
    return probed and all(getattr(entry, key) == before[key] for key in IDENTITY)


def _adds_nothing(entry: Entry, before: dict[str, Any] | None) -> bool:
    """Whether there is nothing new to write: the row failed in the same way before.

    Nor is there for a known video that is unreachable tonight: that says nothing of its file.
    """
    if before is None or entry.rejected or entry.reason is None:
        return False
    if entry.reason == "unreachable" and before["reason"] is None:
        return True
    keys = (*IDENTITY, "reason", "detail", "decoder")
    return all(getattr(entry, key) == before[key] for key in keys)


def _identify_files(
    entries: Sequence[Entry], ingest: Ingest, runner: Runner, progress: Progress
) -> None:
    """Sets each entry's content: the digest of the file where probed, else its size and stamp."""
    good = {str(entry.id): entry for entry in entries if entry.reason is None}
    progress.add(failed=len(entries) - len(good))
    if ingest.probe is None:
        for entry in good.values():
            entry.content = stat_content(str(entry.uri), entry.bytes, entry.stamp)
        return progress.add(done=len(good))
    videos = [entry.to_video() for entry in good.values()]
    work = run_items(runner, ingest.probe, videos, 256, progress, _count_hours)
    for video, outcome in work:
        if isinstance(outcome, Done):
            good[video.id].add_probe(outcome.value)
        else:
            good[video.id].fail(outcome.reason, outcome.detail)


def _count_hours(video: Video, outcome: Outcome[Probe]) -> float:
    return (outcome.value.duration or 0) / 3600 if isinstance(outcome, Done) else 0.0
