"""Brings the catalogue up to the store: what is there and not yet merged, each file once."""

import json
from collections.abc import Iterable
from functools import partial
from itertools import groupby

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data.batches import batched, heaped
from data.catalog.database import Catalog, sql
from data.catalog.merge_packs import forget_packed, merge_video_pack
from data.catalog.merge_runs import sync_runs
from data.catalog.merge_summaries import sync_evaluations, sync_experiments
from data.catalog.merged import insert, insert_rows, is_merged, mark, new, only, read_each
from data.shards.spans import is_pack, numbers
from data.store import layout, tables
from data.store.storage import Store

AT_ONCE = 64  # small files a transaction
BYTES = 64 * 2**20  # of larger ones: bounds memory, keeps commits few
STEPS = {"shards": ("add_lists",), "receipts": ("add_receipts", "add_outcomes")}


def sync_all(catalog: Catalog, store: Store) -> None:
    """Merges everything in the store."""
    for folder in store.names("corpora"):
        sync_corpus(catalog, store, folder.rsplit("/", 1)[-1])
    sync_runs(catalog, store)
    sync_experiments(catalog, store)
    sync_evaluations(catalog, store)


def sync_corpus(catalog: Catalog, store: Store, corpus: str) -> None:
    """Merges everything of one corpus."""
    sync_videos(catalog, store, corpus)
    sync_withdrawn(catalog, store, corpus)
    for kind in ("embed", "pool"):
        for folder in store.names(f"{layout.corpus(corpus)}/{kind}"):
            if not folder.endswith("/current"):
                sync_stage(catalog, store, corpus, kind, folder.rsplit("/", 1)[-1])
    for folder in store.names(f"{layout.corpus(corpus)}/index"):
        if not folder.endswith("/current"):
            sync_index(catalog, store, corpus, folder.rsplit("/", 1)[-1])


def sync_videos(catalog: Catalog, store: Store, corpus: str) -> None:
    """Merges the parts of ingests, oldest first: the newest row of an id is the one that holds."""
    found = new(catalog, store, layout.videos(corpus), ".parquet", packed=True)
    for (packed, at), parts in groupby(found, lambda name: (is_pack(name), numbers(name))):
        if packed:
            for pack in parts:
                merge_video_pack(catalog, store, corpus, pack, at)
        else:
            _merge_parts(catalog, store, corpus, at.first, parts)
    for names in batched(new(catalog, store, layout.ingests(corpus), "-done.json"), AT_ONCE):
        said = [json.loads(store.read(name)) for name in names]
        with catalog.transaction():
            for each in said:
                values = only(each, "source", "run")
                catalog.execute(sql("drop_old_rejects"), corpus=corpus, **values)
            fields = [only(each, "run", "source", "finished", "rows") for each in said]
            insert_rows(catalog, "ingests", fields, {"corpus": corpus})
            mark(catalog, names)


def sync_withdrawn(catalog: Catalog, store: Store, corpus: str) -> None:
    """Merges the marks of videos that may be used no more."""
    for names in batched(new(catalog, store, layout.withdrawn(corpus), ".json"), AT_ONCE):
        with catalog.transaction():
            marks = [json.loads(store.read(name)) for name in names]
            insert_rows(catalog, "withdrawn", marks, {"corpus": corpus})
            mark(catalog, names)


def sync_stage(catalog: Catalog, store: Store, corpus: str, kind: str, fingerprint: str) -> None:
    """Merges the shard lists and receipts of one stage under one fingerprint."""
    folder = layout.stage(corpus, kind, fingerprint)
    where = {"corpus": corpus, "stage": kind, "fingerprint": fingerprint}
    for part, steps in STEPS.items():
        found = new(catalog, store, f"{folder}/{part}", ".json", packed=True)
        files = read_each(store, store.read, found)
        for heap in heaped(files, BYTES, lambda file: len(file[1])):
            names, texts = zip(*heap, strict=True)
            with catalog.unordered(), catalog.transaction():
                for pack in filter(is_pack, names):
                    forget_packed(catalog, where, part, pack)
                catalog.register(_column(texts))
                for step in steps:
                    catalog.execute(sql(step), **where)
                mark(catalog, names)


def sync_index(catalog: Catalog, store: Store, corpus: str, fingerprint: str) -> None:
    """Merges which contents each published version of an index holds."""
    folder = layout.stage(corpus, "index", fingerprint)
    for version in store.names(folder):
        name = f"{version}/ids.parquet"
        if is_merged(catalog, name) or not store.exists(f"{version}/index.json"):
            continue
        content = tables.read(store, name).column("content")
        with catalog.transaction():
            insert(catalog, "members", {"content": content}, corpus=corpus,
                    fingerprint=fingerprint, version=version.rsplit("/", 1)[-1])  # fmt: skip
            mark(catalog, [name])


def source_of(store: Store, corpus: str, run: int) -> str:
    """What an ingest read."""
    return json.loads(store.read(f"{layout.ingests(corpus)}/{run:06d}.json"))["source"]


def _merge_parts(
    catalog: Catalog, store: Store, corpus: str, run: int, names: Iterable[str]
) -> None:
    """Parts of one ingest, together; one by one where a later one has an id anew."""
    values = {"corpus": corpus, "run": run, "source": source_of(store, corpus, run)}
    parts = read_each(store, partial(tables.read, store), names)
    for heap in heaped(parts, BYTES, lambda part: part[1].nbytes):
        files, rows = zip(*heap, strict=True)
        together = pa.concat_tables(rows, promote_options="default")
        ids = together.filter(pc.invert(together["rejected"]))["id"]
        with catalog.transaction():
            for some in [together] if pc.count_distinct(ids).as_py() == len(ids) else rows:
                catalog.register(some)
                for step in ("drop_old_videos", "drop_old_rejects", "add_videos", "add_rejects"):
                    catalog.execute(sql(step), **values)
            mark(catalog, files)


def _column(texts: Iterable[bytes]) -> pa.Table:
    """A file a chunk: DuckDB parses a chunk at a time on each core."""
    return pa.table({"text": pa.chunked_array(map(_uncopied, texts), pa.string())})


def _uncopied(text: bytes) -> pa.Array:
    ends = np.array([0, len(text)], np.int32)
    return pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(ends), pa.py_buffer(text)])
