"""Merges the groups of near-duplicates that each corpus uses into the catalogue."""

import hashlib
import json

from data.catalog.database import Catalog
from data.catalog.merged import insert_columns, insert_rows, mark_merged, pick_keys
from data.store import layout, tables
from data.store.storage import Store

SUMMARY = "groups.json"
FIELDS = ("fingerprint", "keep", "threshold", "index_fingerprint", "index_version", "made")


def sync_duplicates(catalog: Catalog, store: Store, corpus: str) -> None:
    """Merges a corpus's groups in place of those merged before, where they are others.

    They are rewritten every night, so that their record counts, by its digest, not its name.
    """
    folder = f"{layout.corpus_folder(corpus)}/dedup/"
    rows = catalog.execute(
        "SELECT path FROM merged WHERE starts_with(path, $folder) AND contains(path, $name)",
        folder=folder, name=f"/{SUMMARY} ",
    )  # fmt: skip
    record, mark = _read_record(store, corpus)
    if {path for (path,) in rows} == ({mark} if record else set()):
        return
    with catalog.transaction():
        for table in ("dedups", "duplicates"):
            catalog.execute(f"DELETE FROM {table} WHERE corpus = $corpus", corpus=corpus)  # noqa: S608
        catalog.execute("DELETE FROM merged WHERE list_contains($names, path)",
                        names=[path for (path,) in rows])  # fmt: skip
        if record:
            for some in tables.iter_batches(store, record["groups"]):
                columns = {name: some.column(name) for name in ("content", "anchor")}
                insert_columns(catalog, "duplicates", columns, corpus=corpus)
            insert_rows(catalog, "dedups", [pick_keys(record, *FIELDS)], {"corpus": corpus})
            mark_merged(catalog, [mark])


def _read_record(store: Store, corpus: str) -> tuple[dict | None, str]:
    """The record of the groups in use, and the mark by which the catalogue knows it."""
    try:
        alias = store.read(layout.current_alias(corpus, "dedup")).decode().strip()
        name = f"{layout.stage_folder(corpus, 'dedup', alias)}/{SUMMARY}"
        text = store.read(name)
    except FileNotFoundError:  # never searched for, or not to the end
        return None, ""
    return json.loads(text), f"{name} {hashlib.sha256(text).hexdigest()}"
