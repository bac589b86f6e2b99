"""Packing: many small files of a corpus become few, while those who read them go on.

A pack stands for all files of a range of numbers from the moment that it lies there; those files
are leftovers then, and go a day later. Only what the embed stage lists is packed: pooling follows
by making its vectors of each pack again.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

import pyarrow as pa

from data.catalog.database import scratch, sql
from data.catalog.history import at_work, span_of
from data.catalog.merge import source_of
from data.shards.lists import Shard, names, read_shard, write_shard
from data.shards.receipts import Made, Receipt, Refused, Seconds, write_receipt
from data.shards.spans import is_pack, pack_name, span, uncovered
from data.store import layout, tables
from data.store.storage import Store

VIDEOS_BYTES = 8 << 20  # compressed; some 50,000 rows
SHARDS_BYTES = 32 << 20  # some 30,000 frames at 512 dimensions
FEWEST = 8  # files for which a pack is worth its writing
ROWS = 4096  # frames a row group


@dataclass(frozen=True, slots=True)
class Pack:
    """What one file is to stand for: shards of a stage's folder, or parts of ingests."""

    folder: str
    files: tuple[str, ...]

    @property
    def name(self) -> str:
        return pack_name(self.files[0], self.files[-1])


@dataclass(frozen=True, slots=True)
class _Unit:
    """Files that go into a pack together or not at all; `whole` ones may go."""

    files: tuple[str, ...]
    bytes: int
    whole: bool


def video_packs(store: Store, corpus: str) -> list[Pack]:
    """Parts of ingests that ended, to be packed."""
    folder = layout.videos(corpus)
    sizes = _sizes(store, folder)
    ended = {_number(name) for name in store.names(layout.ingests(corpus), "-done.json")}
    units = []
    for run, found in groupby(uncovered(sizes), _number):
        files = tuple(found)
        whole = run in ended or is_pack(files[0])
        units.append(_Unit(files, sum(sizes[file] for file in files), whole))
    return [Pack(folder, files) for files in _groups(units, VIDEOS_BYTES)]


def shard_packs(store: Store, folder: str) -> list[Pack]:
    """Shards that are done, to be packed: of one attempt, none of whose ids is there twice."""
    sizes, done = _sizes(store, folder), names(store, folder, "receipts")
    sizes |= _sizes(store, f"{folder}/receipts", ".json")
    every = sorted(uncovered({*names(store, folder, "shards"), *done}))
    there = set(done)
    units = []
    for shard in every:
        made = layout.shard_file(folder, shard), layout.receipt(folder, shard)
        units.append(_Unit((shard,), sum(sizes.get(name, 0) for name in made), shard in there))
    found = (_alike(store, folder, files) for files in _groups(units, SHARDS_BYTES))
    return [Pack(folder, tuple(files)) for some in found for files in some if len(files) >= FEWEST]


def pack_videos(store: Store, corpus: str, pack: Pack) -> None:
    """Writes the pack of some parts: what they say together, and not what was overwritten since."""
    parts = [_part(store, corpus, file) for file in pack.files]
    with scratch() as work:
        work.register(pa.concat_tables(parts, promote_options="default"))
        rows = work.rows(sql("pack_videos"))
    tables.write(store, f"{pack.folder}/{pack.name}.parquet", tables.PACKED_VIDEOS, rows)


def pack_shards(store: Store, pack: Pack) -> None:
    """Writes the vectors of some shards as one, then its receipt, then its list.

    From the receipt on they are one shard; where a kill came before the list, their own lists say
    what it holds, until `finish_packs` is called.
    """
    files = [layout.shard_file(pack.folder, shard) for shard in pack.files]
    parts = [tables.read(store, file) for file in files if store.exists(file)]
    if parts:
        name = layout.shard_file(pack.folder, pack.name)
        with tables.create(store, name, parts[0].schema) as writer:
            writer.write_table(pa.concat_tables(parts).combine_chunks(), row_group_size=ROWS)
    write_receipt(store, pack.folder, _receipt(store, pack))
    finish_packs(store, pack.folder)


def finish_packs(store: Store, folder: str) -> None:
    """Writes the lists of packs that have none."""
    lists = names(store, folder, "shards")
    for pack in names(store, folder, "receipts"):
        if is_pack(pack) and pack not in lists:
            shards = [read_shard(store, folder, name) for name in lists if _within(name, pack)]
            videos = tuple(video for shard in shards for video in shard.videos)
            write_shard(store, folder, Shard(pack, shards[0].attempt, videos))


def _groups(units: Iterable[_Unit], most: int) -> Iterator[tuple[str, ...]]:
    """Neighbouring files, as many as `most` bytes hold, where there are enough of them."""
    files: list[str] = []
    held = 0
    for unit in [*units, _Unit((), 0, False)]:
        if files and not (unit.whole and held + unit.bytes <= most):
            if len(files) >= FEWEST:
                yield tuple(files)
            files, held = [], 0
        if unit.whole and unit.bytes <= most:
            files.extend(unit.files)
            held += unit.bytes


def _alike(store: Store, folder: str, shards: Iterable[str]) -> Iterator[list[str]]:
    """Runs of shards of one attempt without an id twice: vectors are found by their ids."""
    some: list[str] = []
    attempt, ids = 0, set[str]()
    for shard in shards:
        said = _said(store, folder, shard)
        here = {made["id"] for made in said["done"]}
        if some and (said["attempt"] != attempt or not ids.isdisjoint(here)):
            yield some
            some, ids = [], set()
        some.append(shard)
        attempt = said["attempt"]
        ids |= here
    yield some


def _receipt(store: Store, pack: Pack) -> Receipt:
    """The shards' receipts added up; the wall is the time in which any of them was at work."""
    said = [_said(store, pack.folder, shard) for shard in pack.files]
    last = max(said, key=lambda each: each["finished"])
    spent = {part: sum(each["seconds"][part] for each in said) for part in last["seconds"]}
    spent["wall"] = at_work(span_of(each["finished"], each["seconds"]["wall"]) for each in said)
    return Receipt(
        pack.name, last["attempt"], last["version"],
        tuple(Made(**made) for each in said for made in each["done"]),
        tuple(Refused(**refused) for each in said for refused in each["failed"]),
        Seconds(**spent), max(each["workers"] for each in said),
        max(each["decoders"] for each in said), last["host"], last["finished"],
    )  # fmt: skip


def _part(store: Store, corpus: str, file: str) -> pa.Table:
    """A part's rows, with their run and its source."""
    rows = tables.read(store, file)
    if is_pack(file):
        return rows
    run = _number(file)
    source = pa.repeat(pa.scalar(source_of(store, corpus, run), pa.string()), len(rows))
    rows = rows.append_column("run", pa.repeat(pa.scalar(run, pa.int32()), len(rows)))
    return rows.append_column("source", source)


def _said(store: Store, folder: str, shard: str) -> dict:
    return json.loads(store.read(layout.receipt(folder, shard)))


def _within(name: str, pack: str) -> bool:
    one, other = span(name), span(pack)
    return bool(one and other and other.first <= one.first and one.last <= other.last)


def _number(name: str) -> int:
    found = span(name.removesuffix("-done.json"))
    assert found is not None
    return found.first


def _sizes(store: Store, folder: str, suffix: str = ".parquet") -> dict[str, int]:
    """The files of a folder, in order, with their bytes."""
    every = store.names(folder, suffix)
    found = store.fs.ls(store.path(folder), detail=True) if every else []
    sizes = {each["name"].rsplit("/", 1)[-1]: int(each["size"]) for each in found}
    return {name: sizes.get(name.rsplit("/", 1)[-1], 0) for name in every}
