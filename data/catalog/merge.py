"""Brings the catalogue up to date with the store: merges the files that are new, each once."""

import json
from collections.abc import Callable, Iterable
from functools import partial, wraps
from itertools import groupby
from typing import Concatenate, ParamSpec

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data.batches import group_by_weight, iter_batches
from data.catalog.database import Catalog, load_sql
from data.catalog.merge_duplicates import sync_duplicates
from data.catalog.merge_indexes import sync_index
from data.catalog.merge_packs import drop_packed_rows, merge_video_pack
from data.catalog.merge_runs import sync_runs
from data.catalog.merge_summaries import sync_evaluations, sync_experiments
from data.catalog.merged import (
    FilesGone,
    insert_rows,
    list_unmerged,
    mark_merged,
    pick_keys,
    read_files,
)
from data.shards.spans import is_pack, parse_span
from data.shards.stages import CAPTION_VECTORS, INDEX_OF_FRAMES, MOTION_FEATURES, list_annotated
from data.store import layout, tables
from data.store.storage import Store

FILES_PER_TRANSACTION = 64  # of small files
GROUP_BYTES = 64 * 2**20  # of larger ones, in a transaction: bounds memory, keeps commits few
STATEMENTS = {"shards": ("add_lists",), "receipts": ("add_receipts", "add_outcomes")}
CLIP_STAGES = (MOTION_FEATURES, CAPTION_VECTORS)
CORPUS_TABLES = (
    "ingests", "videos", "rejects", "shards", "receipts", "outcomes", "members", "withdrawn",
    "dedups", "duplicates",
)  # fmt: skip

P = ParamSpec("P")
Sync = Callable[Concatenate[Catalog, Store, str, P], None]


def _heal_corpus(sync: Sync[P]) -> Sync[P]:
    """Merges a corpus anew from all its files where some that were merged are gone."""

    @wraps(sync)
    def sync_or_redo(
        catalog: Catalog, store: Store, corpus: str, *args: P.args, **kwargs: P.kwargs
    ) -> None:
        try:
            sync(catalog, store, corpus, *args, **kwargs)
        except FilesGone:
            _forget_corpus(catalog, corpus)
            sync_corpus(catalog, store, corpus)

    return sync_or_redo


def sync_all(catalog: Catalog, store: Store) -> None:
    """Merges everything in the store."""
    for folder in store.list_names("corpora"):
        sync_corpus(catalog, store, folder.rsplit("/", 1)[-1])
    sync_runs(catalog, store)
    sync_experiments(catalog, store)
    sync_evaluations(catalog, store)


def sync_corpus(catalog: Catalog, store: Store, corpus: str) -> None:
    """Merges everything of one corpus."""
    sync_videos(catalog, store, corpus)
    sync_withdrawn(catalog, store, corpus)
    for kind in ("split", "embed", "pool", "dedup", *CLIP_STAGES, *list_annotated(store, corpus)):
        for fingerprint in _list_fingerprints(catalog, store, corpus, kind):
            sync_stage(catalog, store, corpus, kind, fingerprint)
    for kind in ("index", INDEX_OF_FRAMES):
        for folder in store.list_names(f"{layout.corpus_folder(corpus)}/{kind}"):
            if not folder.endswith("/current"):
                sync_index(catalog, store, corpus, folder.rsplit("/", 1)[-1], kind)
    sync_duplicates(catalog, store, corpus)


@_heal_corpus
def sync_videos(catalog: Catalog, store: Store, corpus: str) -> None:
    """Merges the parts of ingests, oldest first, since the newest row of an id is the valid one."""
    unmerged = list_unmerged(catalog, store, layout.videos_folder(corpus), ".parquet", packed=True)
    for (packed, span), parts in groupby(unmerged, lambda name: (is_pack(name), parse_span(name))):
        if packed:
            for pack in parts:
                merge_video_pack(catalog, store, corpus, pack, span)
        else:
            _merge_parts(catalog, store, corpus, span.first, parts)
    records = list_unmerged(catalog, store, layout.ingests_folder(corpus), "-done.json")
    for names in iter_batches(records, FILES_PER_TRANSACTION):
        ingests = [json.loads(store.read(name)) for name in names]
        with catalog.transaction():
            # An ingest that wrote no part replaces its source's older rejects all the same.
            for ingest in ingests:
                values = pick_keys(ingest, "source", "run")
                catalog.execute(load_sql("drop_old_rejects"), corpus=corpus, **values)
            rows = [pick_keys(ingest, "run", "source", "finished", "rows") for ingest in ingests]
            insert_rows(catalog, "ingests", rows, {"corpus": corpus})
            mark_merged(catalog, names)


@_heal_corpus
def sync_withdrawn(catalog: Catalog, store: Store, corpus: str) -> None:
    """Merges the marks of videos that must not be used any more."""
    unmerged = list_unmerged(catalog, store, layout.withdrawn_folder(corpus), ".json")
    for names in iter_batches(unmerged, FILES_PER_TRANSACTION):
        with catalog.transaction():
            marks = [json.loads(store.read(name)) for name in names]
            insert_rows(catalog, "withdrawn", marks, {"corpus": corpus})
            mark_merged(catalog, names)


@_heal_corpus
def sync_stage(catalog: Catalog, store: Store, corpus: str, kind: str, fingerprint: str) -> None:
    """Merges the shard lists and receipts of one stage under one fingerprint."""
    folder = layout.stage_folder(corpus, kind, fingerprint)
    where = {"corpus": corpus, "stage": kind, "fingerprint": fingerprint}
    for part, statements in STATEMENTS.items():
        unmerged = list_unmerged(catalog, store, f"{folder}/{part}", ".json", packed=True)
        files = read_files(store, store.read, unmerged)
        for group in group_by_weight(files, GROUP_BYTES, lambda file: len(file[1])):
            names, texts = zip(*group, strict=True)
            with catalog.relax_insertion_order(), catalog.transaction():
                for pack in filter(is_pack, names):
                    drop_packed_rows(catalog, where, part, pack)
                catalog.register(_text_column(texts))
                for statement in statements:
                    catalog.execute(load_sql(statement), **where)
                mark_merged(catalog, names)


def _list_fingerprints(catalog: Catalog, store: Store, corpus: str, kind: str) -> list[str]:
    """The stages of a kind that lie in the store, and those that were merged and are gone."""
    folder = f"{layout.corpus_folder(corpus)}/{kind}"
    merged = catalog.execute(load_sql("merged_stages"), folder=f"{folder}/")
    present = {name.rsplit("/", 1)[-1] for name in store.list_names(folder)} - {"current"}
    return sorted(present.union(name for (name,) in merged))


def _forget_corpus(catalog: Catalog, corpus: str) -> None:
    """Drops all that was merged of a corpus."""
    with catalog.transaction():
        for table in CORPUS_TABLES:
            catalog.execute(f"DELETE FROM {table} WHERE corpus = $corpus", corpus=corpus)  # noqa: S608
        folder = f"{layout.corpus_folder(corpus)}/"
        catalog.execute("DELETE FROM merged WHERE starts_with(path, $folder)", folder=folder)


def read_source(store: Store, corpus: str, run: int) -> str:
    """The source that an ingest read."""
    return json.loads(store.read(f"{layout.ingests_folder(corpus)}/{run:06d}.json"))["source"]


def _merge_parts(
    catalog: Catalog, store: Store, corpus: str, run: int, names: Iterable[str]
) -> None:
    """Merges parts of one ingest, many at a time."""
    values = {"corpus": corpus, "run": run, "source": read_source(store, corpus, run)}
    parts = read_files(store, partial(tables.read_table, store), names)
    statements = ("drop_old_videos", "drop_old_rejects", "add_videos", "add_rejects")
    for group in group_by_weight(parts, GROUP_BYTES, lambda part: part[1].nbytes):
        files, contents = zip(*group, strict=True)
        together = pa.concat_tables(contents, promote_options="default")
        ids = together.filter(pc.invert(together["rejected"]))["id"]
        with catalog.transaction():
            # One by one if an id is in two parts: the later row has to replace the earlier one.
            is_unique = pc.count_distinct(ids).as_py() == len(ids)
            for rows in [together] if is_unique else contents:
                catalog.register(rows)
                for statement in statements:
                    catalog.execute(load_sql(statement), **values)
            mark_merged(catalog, files)


def _text_column(texts: Iterable[bytes]) -> pa.Table:
    """A column with a chunk per file, since DuckDB parses one chunk at a time on each core."""
    return pa.table({"text": pa.chunked_array(map(_wrap_bytes, texts), pa.string())})


def _wrap_bytes(text: bytes) -> pa.Array:
    """An array of one string that shares the memory of its bytes."""
    ends = np.array([0, len(text)], np.int32)
    return pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(ends), pa.py_buffer(text)])
