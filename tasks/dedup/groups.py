"""Forms the groups of near-duplicates from a corpus's pairs, and puts them into use."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from prefect import task
from prefect.cache_policies import NO_CACHE

from data.catalog import merge
from data.catalog.database import load_sql
from data.catalog.merge_duplicates import SUMMARY
from data.shards.stages import Stage
from data.specs.dedup import DedupSpec
from data.stamps import utc_now
from data.store import layout, pairs, tables
from data.workspace import Workspace
from engines.dedup.groups import Link, form_groups, name_groups
from engines.index.index import Index
from tasks.dedup.compare import FetchedIndex
from tasks.dedup.run import read_pairs


@task(name="group-duplicates", cache_policy=NO_CACHE, persist_result=False)
def group_duplicates(
    workspace: Workspace, stage: Stage, spec: DedupSpec, fetched: FetchedIndex
) -> dict[str, Any]:
    """Groups what may be shown now, and publishes the groups; their counts.

    Pairs of videos that are withdrawn, gone or changed stay in the store, and count no more. The
    groups of the last run give their names to those that have most of their contents.
    """
    with workspace.open_synced_catalog(stage.corpus) as catalog:
        before = dict(catalog.execute(
            "SELECT content, anchor FROM duplicates WHERE corpus = $corpus", corpus=stage.corpus
        ))  # fmt: skip
    index = fetched.open()
    links = list(_list_links(workspace, stage, index))
    groups = form_groups(links, lambda c: _read_vectors(index, c), spec.candidates)
    anchors = name_groups(groups, before)
    _publish_groups(workspace, stage, spec, fetched, groups, anchors)
    with workspace.open_catalog() as catalog:
        merge.sync_duplicates(catalog, workspace.store, stage.corpus)
        counts = catalog.query_rows(load_sql("count_duplicates"), corpus=stage.corpus)[0]
    return {"pairs": len(links), **counts}


def _list_links(workspace: Workspace, stage: Stage, index: Index) -> Iterator[Link]:
    """The pairs of contents that are indexed and that may be shown, each once."""
    found: dict[tuple[str, str], float] = {}
    for table in read_pairs(workspace.store, stage.folder):
        columns = (table.column(name).to_pylist() for name in ("one", "other", "score"))
        found.update({(one, other): score for one, other, score in zip(*columns, strict=True)})
    named = sorted({content for pair in found for content in pair})
    with workspace.open_catalog() as catalog:
        rows = catalog.execute(load_sql("videos_by_content"), corpus=stage.corpus, contents=named)
    shown = {content for content, *_ in rows}
    indexed = {c for c, row in zip(named, index.rows(named), strict=True) if row >= 0}
    for (one, other), score in found.items():
        if {one, other} <= shown & indexed:
            yield one, other, score


def _read_vectors(index: Index, contents: Sequence[str]) -> np.ndarray:
    return index.vectors(index.rows(contents))


def _publish_groups(
    workspace: Workspace, stage: Stage, spec: DedupSpec, fetched: FetchedIndex,
    groups: list[list[str]], anchors: list[str],
) -> None:  # fmt: skip
    """Writes the table of groups, then the record that names it, then the alias."""
    store = workspace.store
    members = [(content, anchor) for group, anchor in zip(groups, anchors, strict=True)
               for content in group]  # fmt: skip
    digest = hashlib.sha256(json.dumps(members).encode()).hexdigest()[:12]
    name = f"{stage.folder}/groups-{digest}.parquet"
    columns = [[content for content, _ in members], [anchor for _, anchor in members]]
    with tables.open_writer(store, name, pairs.GROUPS) as writer:
        writer.write_table(pa.table(columns, schema=pairs.GROUPS))
    record = {
        "fingerprint": stage.fingerprint, "keep": spec.keep, "threshold": spec.threshold,
        "index_fingerprint": fetched.stage.fingerprint, "index_version": fetched.version,
        "groups": name, "made": utc_now(),
    }  # fmt: skip
    store.write(f"{stage.folder}/{SUMMARY}", json.dumps(record, indent=2).encode())
    # Last: until then, searches go by the groups of before, also under another spec.
    store.write(layout.current_alias(stage.corpus, "dedup"), stage.fingerprint.encode())
    for old in store.list_names(stage.folder, ".parquet"):
        if old.startswith(f"{stage.folder}/groups-") and old != name:
            store.delete(old)
