"""Packs many small files of a corpus into few, while readers of them go on.

As soon as a pack exists it stands for all files of its range of numbers; these are leftovers from
then on, and are deleted a day later. Only shards of the embed stage are packed: pooling follows by
pooling each pack anew.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

import pyarrow as pa

from data.catalog.database import load_sql, open_scratch
from data.catalog.history import sum_busy_seconds, time_span
from data.catalog.merge import read_source
from data.records import Video
from data.shards.lists import Shard, list_done, list_shards, read_shard, write_shard
from data.shards.receipts import Receipt, Seconds, read_receipt, write_receipt
from data.shards.spans import drop_covered, find_span, is_pack, pack_name, parse_span
from data.store import layout, tables
from data.store.frame_vectors import merge_files
from data.store.storage import Store

VIDEOS_BYTES = 8 << 20  # compressed: about 50,000 rows
SHARDS_BYTES = 32 << 20  # about 30,000 frames at 512 dimensions
MIN_FILES = 8  # fewer are not worth writing a pack


@dataclass(frozen=True, slots=True)
class Pack:
    """Files to replace by one: shards of a stage's folder, or parts of ingests."""

    folder: str
    files: tuple[str, ...]

    @property
    def name(self) -> str:
        """The pack's name, which says what it stands for."""
        return pack_name(self.files[0], self.files[-1])


@dataclass(frozen=True, slots=True)
class _Unit:
    """Files that go into a pack together or not at all; only those of `complete` units go."""

    files: tuple[str, ...]
    bytes: int
    complete: bool


def plan_video_packs(store: Store, corpus: str) -> list[Pack]:
    """The packs to make of the parts of finished ingests."""
    folder = layout.videos_folder(corpus)
    sizes = _list_sizes(store, folder)
    done_names = store.list_names(layout.ingests_folder(corpus), "-done.json")
    finished = {_first_number(name) for name in done_names}
    units = []
    # All parts of an ingest go together: a pack stands for whole ingests, by their numbers.
    for run, names in groupby(drop_covered(sizes), _first_number):
        files = tuple(names)
        complete = run in finished or is_pack(files[0])
        units.append(_Unit(files, sum(sizes[file] for file in files), complete))
    return [Pack(folder, files) for files in _group_units(units, VIDEOS_BYTES)]


def plan_shard_packs(store: Store, folder: str) -> list[Pack]:
    """The packs to make of finished shards: each of one attempt, and without an id twice."""
    sizes, done = _list_sizes(store, folder), list_done(store, folder)
    sizes |= _list_sizes(store, f"{folder}/receipts", ".json")
    finished = set(done)
    units = []
    # A pending shard ends a pack: the pack would stand for it too, by its number.
    for shard in sorted(drop_covered({*list_shards(store, folder), *done})):
        files = layout.shard_file(folder, shard), layout.receipt_file(folder, shard)
        size = sum(sizes.get(name, 0) for name in files)
        units.append(_Unit((shard,), size, shard in finished))
    return [
        Pack(folder, tuple(shards))
        for group in _group_units(units, SHARDS_BYTES)
        for shards in _split_compatible(store, folder, group)
        if len(shards) >= MIN_FILES
    ]


def pack_videos(store: Store, corpus: str, pack: Pack) -> None:
    """Writes the pack of ingests' parts: their rows, without those that later rows replaced."""
    parts = [_read_part(store, corpus, file) for file in pack.files]
    with open_scratch() as database:
        database.register(pa.concat_tables(parts, promote_options="default"))
        rows = database.query_rows(load_sql("pack_videos"))
    tables.write_rows(store, f"{pack.folder}/{pack.name}.parquet", tables.PACKED_VIDEOS, rows)


def pack_shards(store: Store, pack: Pack) -> None:
    """Writes the vectors of some shards as one file, then its receipt, then its list.

    From the receipt on they are one shard. If a kill comes before the list, their own lists say
    what is in it, until `finish_packs` is called.
    """
    files = [layout.shard_file(pack.folder, shard) for shard in pack.files]
    # A shard in which every video failed has no file.
    existing = [file for file in files if store.exists(file)]
    merge_files(store, existing, layout.shard_file(pack.folder, pack.name))
    write_receipt(store, pack.folder, _merge_receipts(store, pack))
    finish_packs(store, pack.folder)


def finish_packs(store: Store, folder: str) -> None:
    """Writes the lists of packs that have a receipt and no list."""
    lists = list_shards(store, folder)
    for pack in list_done(store, folder):
        if is_pack(pack) and pack not in lists:
            within = [name for name in lists if _is_within(name, pack)]
            shards = [read_shard(store, folder, name, lambda row: Video(**row)) for name in within]
            videos = tuple(video for shard in shards for video in shard.items)
            write_shard(store, folder, Shard(pack, shards[0].attempt, videos))


def _group_units(units: Iterable[_Unit], limit: int) -> Iterator[tuple[str, ...]]:
    """Groups of neighbouring files, up to `limit` bytes each; small groups are left out."""
    files: list[str] = []
    size = 0
    for unit in [*units, _Unit((), 0, False)]:  # the last one closes the last group
        if files and not (unit.complete and size + unit.bytes <= limit):
            if len(files) >= MIN_FILES:
                yield tuple(files)
            files, size = [], 0
        if unit.complete and unit.bytes <= limit:
            files.extend(unit.files)
            size += unit.bytes


def _split_compatible(store: Store, folder: str, shards: Iterable[str]) -> Iterator[list[str]]:
    """Splits neighbouring shards into groups of one attempt, without an id twice.

    Vectors are found by shard and id, so that an id must not have two contents in one pack.
    """
    group: list[str] = []
    attempt, ids = 0, set[str]()
    for shard in shards:
        receipt = read_receipt(store, folder, shard)
        done_ids = {row["id"] for row in receipt.done}
        if group and (receipt.attempt != attempt or not ids.isdisjoint(done_ids)):
            yield group
            group, ids = [], set()
        group.append(shard)
        attempt = receipt.attempt
        ids |= done_ids
    yield group


def _merge_receipts(store: Store, pack: Pack) -> Receipt[dict[str, Any]]:
    """The totals of the shards' receipts; the wall time is that in which any of them ran."""
    receipts = [read_receipt(store, pack.folder, shard) for shard in pack.files]
    last = max(receipts, key=lambda receipt: receipt.finished)
    totals = {
        part: sum(getattr(receipt.seconds, part) for receipt in receipts)
        for part in asdict(last.seconds)
    }
    totals["wall"] = sum_busy_seconds(
        time_span(receipt.finished, receipt.seconds.wall) for receipt in receipts
    )
    return Receipt(
        pack.name, last.attempt, last.version,
        tuple(row for receipt in receipts for row in receipt.rows), Seconds(**totals),
        max(receipt.workers for receipt in receipts),
        max(receipt.decoders for receipt in receipts), host=last.host, finished=last.finished,
    )  # fmt: skip


def _read_part(store: Store, corpus: str, file: str) -> pa.Table:
    """A part's rows, with the number and the source of their ingest; a pack has these already."""
    rows = tables.read_table(store, file)
    if is_pack(file):
        return rows
    run = _first_number(file)
    source = pa.repeat(pa.scalar(read_source(store, corpus, run), pa.string()), len(rows))
    rows = rows.append_column("run", pa.repeat(pa.scalar(run, pa.int32()), len(rows)))
    return rows.append_column("source", source)


def _is_within(name: str, pack: str) -> bool:
    inner, outer = find_span(name), find_span(pack)
    return bool(inner and outer and outer.first <= inner.first and inner.last <= outer.last)


def _first_number(name: str) -> int:
    return parse_span(name.removesuffix("-done.json")).first


def _list_sizes(store: Store, folder: str, suffix: str = ".parquet") -> dict[str, int]:
    """The bytes of the files in a folder, in the order of their names."""
    names = store.list_names(folder, suffix)
    # One listing for all sizes: `Store.size` would ask an object store once a file.
    files = store.fs.ls(store.path(folder), detail=True) if names else []
    sizes = {file["name"].rsplit("/", 1)[-1]: int(file["size"]) for file in files}
    return {name: sizes.get(name.rsplit("/", 1)[-1], 0) for name in names}
