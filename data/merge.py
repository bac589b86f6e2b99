"""Brings the catalogue up to the store: what is there and not yet merged, each file once."""

import json
from collections.abc import Iterator
from typing import Any

from data import layout, tables
from data.batches import batched
from data.catalog import Catalog, sql
from data.merge_packs import forget_packed, merge_video_pack
from data.merge_runs import sync_runs
from data.merge_summaries import sync_evaluations, sync_experiments
from data.merged import insert, insert_rows, is_merged, mark, new, only
from data.packs import is_pack, span
from data.storage import Store

AT_ONCE = 64  # files a transaction: bounds memory, keeps commits few


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
    sources: dict[int, str] = {}
    for name in new(catalog, store, layout.videos(corpus), ".parquet", packed=True):
        found = span(name)
        assert found is not None
        if is_pack(name):
            merge_video_pack(catalog, store, corpus, name, found)
            continue
        run = found.first
        if run not in sources:
            sources[run] = source_of(store, corpus, run)
        _merge_part(catalog, store, corpus, name, run, sources[run])
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
    for part, merge in (("shards", _merge_lists), ("receipts", _merge_receipts)):
        found = new(catalog, store, f"{folder}/{part}", ".json", packed=True)
        for names in batched(found, AT_ONCE):
            said = [json.loads(store.read(name)) for name in names]
            with catalog.transaction():
                for pack in filter(is_pack, names):
                    forget_packed(catalog, where, part, pack)
                merge(catalog, where, said)
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


def _merge_part(
    catalog: Catalog, store: Store, corpus: str, name: str, run: int, source: str
) -> None:
    values = {"corpus": corpus, "run": run, "source": source}
    with catalog.transaction():
        catalog.register(tables.read(store, name))
        for step in ("drop_old_videos", "drop_old_rejects", "add_videos", "add_rejects"):
            catalog.execute(sql(step), **values)
        mark(catalog, [name])


def _merge_lists(catalog: Catalog, where: dict[str, str], shards: list[dict[str, Any]]) -> None:
    columns = {
        "shard": [s["id"] for s in shards for _ in s["videos"]],
        "attempt": [s["attempt"] for s in shards for _ in s["videos"]],
        "content": [v["content"] for s in shards for v in s["videos"]],
    }
    insert(catalog, "shards", columns, **where)


def _merge_receipts(catalog: Catalog, where: dict[str, str], said: list[dict[str, Any]]) -> None:
    insert_rows(catalog, "receipts", [_summary(r) for r in said], where)
    insert_rows(catalog, "outcomes", [o for r in said for o in _outcomes(r)], where)


def _summary(receipt: dict[str, Any]) -> dict[str, Any]:
    done, failed = receipt["done"], receipt["failed"]
    plain = only(receipt, "shard", "attempt", "version", "host", "finished", "workers", "decoders")
    counts = {"done": len(done), "failed": len(failed), "frames": sum(d["frames"] for d in done)}
    return plain | counts | receipt["seconds"]


def _outcomes(receipt: dict[str, Any]) -> Iterator[dict[str, Any]]:
    shard = only(receipt, "shard", "attempt")
    for made in receipt["done"]:
        yield shard | made | {"reason": None, "detail": None, "decoder": None}
    for refused in receipt["failed"]:
        yield shard | {"decoder": None} | refused | {"frames": 0}
