"""The ingest stage's task: a few thousand rows of a source, each of them accounted for."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from prefect import task
from prefect.cache_policies import NO_CACHE

from data.catalog import merge
from data.catalog.database import sql
from data.catalog.failures import Failures
from data.catalog.seen_ids import Seen, earlier
from data.outcome import Done, Failed
from data.records import Row, Video
from data.store import layout, tables
from data.workspace import Workspace
from engines.base import Engine, Runner
from engines.files.access import Reach
from engines.ingest.open_source import open_source
from tasks.ingest.entries import checked, stat
from tasks.progress import Progress
from tasks.retry import decoder
from tasks.workers import prober

KEPT = ("uri", "caption", "columns", "bytes", "stamp")  # where these are the same, nothing changed


@dataclass(slots=True)
class Counts:
    """What came of a source's rows."""

    rows: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    failed: dict[str, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)

    def count(self, kind: str) -> None:
        setattr(self, kind, getattr(self, kind) + 1)


@dataclass(frozen=True, slots=True)
class Ingest:
    """One run over a source; `probe` is None where videos are only stat'ed, not read."""

    corpus: str
    run: int
    source: str
    probe: Callable[[], Engine] | None

    @property
    def header(self) -> str:
        return f"{layout.ingests(self.corpus)}/{self.run:06d}.json"


def read_source(source: str, columns: dict[str, str]) -> Iterator[Row]:
    """The source's rows, as they are asked for."""
    return open_source(source, columns)


def failed_rows(workspace: Workspace, corpus: str, which: Failures) -> Iterator[Row]:
    """The rows of earlier ingests that failed in such a way, as if read again."""
    with workspace.catalog() as catalog:
        merge.sync_videos(catalog, workspace.store, corpus)
        found = catalog.rows(sql("failed_rows"), corpus=corpus, **which.values(decoder()))
    for line, row in enumerate(found):
        yield Row(line, row["id"], row["uri"], row["caption"], json.loads(row["columns"]))


def begin(workspace: Workspace, corpus: str, source: str, probe: bool) -> Ingest:
    """The next ingest of a corpus, written down before its first part."""
    headers = workspace.store.names(layout.ingests(corpus), ".json")
    numbers = [int(h.rsplit("/", 1)[-1][:6]) for h in headers]
    make = prober(workspace.settings) if probe else None
    ingest = Ingest(corpus, max(numbers, default=0) + 1, source, make)
    said = {"run": ingest.run, "source": source, "probed": probe}
    workspace.store.write(ingest.header, json.dumps(said).encode())
    return ingest


def finish(workspace: Workspace, ingest: Ingest, counts: Counts) -> None:
    """Marks an ingest as complete: what its source rejected earlier no longer counts."""
    finished = datetime.now(UTC).isoformat(timespec="seconds")
    said = {"run": ingest.run, "source": ingest.source, "finished": finished, **asdict(counts)}
    workspace.store.write(ingest.header.replace(".json", "-done.json"), json.dumps(said).encode())
    with workspace.catalog() as catalog:
        merge.sync_videos(catalog, workspace.store, ingest.corpus)


@task(name="ingest-part", task_run_name="ingest-part-{part}", cache_policy=NO_CACHE,
      persist_result=False)  # fmt: skip
def ingest_part(
    workspace: Workspace, ingest: Ingest, part: int, rows: Sequence[Row], seen: Seen,
    runner: Runner, counts: Counts, progress: Progress,
) -> None:  # fmt: skip
    """Checks, looks up and probes rows, and writes those that are new or changed."""
    progress.total += len(rows)
    entries = checked(rows, seen)
    with workspace.catalog() as catalog:
        ids = [e["id"] for e in entries if not e["rejected"]]
        before = earlier(catalog, ingest.corpus, ids)
    settings = workspace.settings
    schemes = tuple(settings.url_schemes.lower().split(","))
    reach = Reach(schemes, settings.private_addresses, ingest.source)
    stat([e for e in entries if e["reason"] is None], reach)
    fresh = [e for e in entries if not _unchanged(e, before.get(e["id"]), ingest)]
    progress.add(done=len(entries) - len(fresh))
    _identify(fresh, ingest, runner, progress)
    now = decoder()
    for entry in fresh:
        entry["decoder"] = now if entry["reason"] else None
    written = [e for e in fresh if not _same_failure(e, before.get(e["id"]))]
    if written:
        name = f"{layout.videos(ingest.corpus)}/{ingest.run:06d}-{part:06d}.parquet"
        with tables.create(workspace.store, name, tables.VIDEOS) as writer:
            writer.write_table(pa.Table.from_pylist(written, tables.VIDEOS))
        with workspace.catalog() as catalog:
            merge.sync_videos(catalog, workspace.store, ingest.corpus)
    _tally(entries, {id(e) for e in fresh}, before, counts)


def _unchanged(entry: dict[str, Any], before: dict[str, Any] | None, ingest: Ingest) -> bool:
    if before is None or entry["rejected"] or entry["reason"] or before["reason"]:
        return False
    probed = before["content"].startswith("sha256:") or ingest.probe is None
    return probed and all(entry[key] == before[key] for key in KEPT)


def _same_failure(entry: dict[str, Any], before: dict[str, Any] | None) -> bool:
    """Whether the row failed before just as it does now: then nothing new is to be written."""
    if before is None or entry["rejected"] or entry["reason"] is None:
        return False
    return all(entry[key] == before[key] for key in (*KEPT, "reason", "detail", "decoder"))


def _identify(
    entries: list[dict[str, Any]], ingest: Ingest, runner: Runner, progress: Progress
) -> None:
    """The identity of each file's bytes: a digest where it is probed, else its size and stamp."""
    good = {str(e["line"]): e for e in entries if e["reason"] is None}
    progress.add(failed=len(entries) - len(good))
    if ingest.probe is None:
        for entry in good.values():
            entry["content"] = f"stat:{entry['bytes']}:{entry['stamp']}:{entry['uri']}"
        return progress.add(done=len(good))
    items = [Video(line, entry["uri"], "") for line, entry in good.items()]
    for outcome in runner.map(ingest.probe, items, batch=256):
        if isinstance(outcome, Done):
            good[outcome.id].update(asdict(outcome.value))
            progress.add(done=1, hours=(outcome.value.duration or 0) / 3600)
        else:
            assert isinstance(outcome, Failed)
            good[outcome.id].update(reason=outcome.reason, detail=outcome.detail)
            progress.add(failed=1)


def _tally(
    entries: list[dict[str, Any]], fresh: set[int], before: dict[str, Any], counts: Counts
) -> None:
    for entry in entries:
        counts.rows += 1
        if entry["reason"]:
            counts.failed[entry["reason"]] = counts.failed.get(entry["reason"], 0) + 1
        elif id(entry) not in fresh:
            counts.unchanged += 1
        else:
            counts.count("changed" if entry["id"] in before else "new")
        if entry["note"]:
            counts.notes[entry["note"]] = counts.notes.get(entry["note"], 0) + 1
