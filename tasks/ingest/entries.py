"""Entries of the videos table: a source's rows, each with what is wrong with it."""

import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial

import pyarrow as pa

from data.catalog.seen_ids import SeenIds
from data.records import Probe, Row, Video
from data.secrets import strip_secrets
from data.store import tables
from engines.files.access import UrlPolicy
from engines.files.faults import BadAddress, Unreachable
from engines.files.hosts import HostHealth
from engines.files.media import stat_media
from tasks.signed_links import remember_link, restore_link

STATS_AT_ONCE = 32  # object stores answer in 50 ms: ask for many at a time
# Where all of these are as before, nothing about a row or its file has changed.
IDENTITY = ("uri", "caption", "columns", "bytes", "stamp")


@dataclass(slots=True)
class Entry:
    """A row of `tables.VIDEOS`, filled in step by step: from its row, its file's stat, its probe.

    `reason` and `detail` say why there is no video. A `rejected` row has no id of its own: it
    counts only until its source is ingested again.
    """

    line: int
    id: str | None
    uri: str | None
    caption: str | None
    columns: str
    bytes: int | None = None
    stamp: str | None = None
    content: str | None = None
    duration: float | None = None
    fps: float | None = None
    width: int | None = None
    height: int | None = None
    codec: str | None = None
    rotation: int | None = None
    reason: str | None = None
    detail: str | None = None
    note: str | None = None
    rejected: bool = False
    decoder: str | None = None

    def fail(self, reason: str, detail: str, rejected: bool = False) -> None:
        """Records why the row has no video."""
        self.reason, self.detail, self.rejected = reason, strip_secrets(detail), rejected

    def add_probe(self, probe: Probe) -> None:
        """Records the duration, size, codec and digest of its file."""
        for name, value in asdict(probe).items():
            setattr(self, name, value)

    def to_video(self) -> Video:
        """The entry as an item to probe; it must have no reason."""
        assert self.id is not None and self.uri is not None
        return Video(self.id, restore_link(self.id, self.uri), "")


def read_entries(rows: Sequence[Row], seen: SeenIds) -> list[Entry]:
    """Builds entries from rows; those without an id or location, or with an id twice, fail."""
    entries = [_build_entry(row) for row in rows]
    named = [entry for entry in entries if entry.id is not None and not entry.rejected]
    lines = seen.find_first_lines([str(e.id) for e in named], [e.line for e in named])
    for entry, first in zip(named, lines, strict=True):
        if first != entry.line:
            entry.fail("rejected", f"the same id as line {first}", rejected=True)
    return entries


def stat_entries(entries: Sequence[Entry], policy: UrlPolicy, hosts: HostHealth) -> None:
    """Records the size and stamp of each entry's file, or why there is none."""
    with ThreadPoolExecutor(STATS_AT_ONCE) as threads:
        list(threads.map(partial(_stat_entry, policy, hosts), entries))


def stat_content(uri: str, size: int | None, stamp: str | None) -> str:
    """The identity of a file that is not read: its size, its stamp and its location."""
    return f"stat:{size}:{stamp}:{uri}"


def to_table(entries: Iterable[Entry]) -> pa.Table:
    """The entries as rows of `tables.VIDEOS`."""
    return pa.Table.from_pylist([asdict(entry) for entry in entries], tables.VIDEOS)


def _build_entry(row: Row) -> Entry:
    columns = json.dumps(row.columns, sort_keys=True)
    note = None if row.caption else "no caption"
    uri = remember_link(row.id or "", row.uri) if row.uri else row.uri
    entry = Entry(row.line, row.id, uri, row.caption, columns, note=note)
    if row.id is None:
        entry.fail("rejected", str(row.columns.get("error") or "no id"), rejected=True)
    elif row.uri is None:
        entry.fail("rejected", str(row.columns.get("error") or "no location of a video"))
    return entry


def _stat_entry(policy: UrlPolicy, hosts: HostHealth, entry: Entry) -> None:
    assert entry.id is not None and entry.uri is not None
    uri = restore_link(entry.id, entry.uri)
    if rejection := policy.find_rejection(uri):
        return entry.fail("rejected", rejection)
    if fault := hosts.find_fault(uri):
        return entry.fail("unreachable", fault)
    fault = None
    try:
        entry.bytes, entry.stamp = stat_media(uri, policy)
    except FileNotFoundError:
        entry.fail("missing", f"no file {uri}")
    except Unreachable as error:
        fault = str(error)
        entry.fail("unreachable", fault)
    except BadAddress as error:
        entry.fail("rejected", str(error))
    except (OSError, ValueError) as error:
        entry.fail("undecodable", f"cannot be opened: {error}")
    hosts.record(uri, fault)
