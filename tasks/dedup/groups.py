"""Forms the groups of near-duplicates from a corpus's pairs, and puts them into use.

Pairs, groups and their former names are tables of a scratch database: in memory are a number for
each content that is in a pair, and the vectors of one connected component.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
import pyarrow as pa
from prefect import task
from prefect.cache_policies import NO_CACHE

from data.batches import iter_batches
from data.catalog import merge
from data.catalog.database import Catalog, load_sql, open_scratch
from data.catalog.merge_duplicates import SUMMARY
from data.shards.stages import Stage
from data.specs.dedup import DedupSpec
from data.stamps import utc_now
from data.store import layout, pairs, tables
from data.workspace import Workspace
from engines.dedup.groups import choose_anchors, join_links, label_components
from engines.index import version
from engines.index.index import Index
from tasks.dedup.fetched import FetchedIndex
from tasks.dedup.pairs import load_pairs

ROWS = 65_536  # moved at once
LINKS = pa.schema({"one": pa.string(), "other": pa.string(), "score": pa.float32()})
GROUPED = pa.schema({"number": pa.int64(), "node": pa.int64()})
CHOSEN = pa.schema({"number": pa.int64(), "former": pa.int64()})


@task(name="group-duplicates", cache_policy=NO_CACHE, persist_result=False)
def group_duplicates(
    workspace: Workspace, stage: Stage, spec: DedupSpec, fetched: FetchedIndex
) -> dict[str, Any]:
    """Groups what may be shown now, and publishes the groups; their counts.

    Pairs of videos that are withdrawn, gone or changed stay in the store, and count no more. The
    groups of the last run give their names to those that have most of their contents.
    """
    with open_scratch() as scratch:
        _copy_links(workspace, stage, scratch)
        count = form_groups(scratch, fetched.open(), str(fetched.folder / version.IDS), spec)
        name_groups(scratch)
        _publish_groups(workspace, stage, spec, fetched, scratch)
    with workspace.open_catalog() as catalog:
        merge.sync_duplicates(catalog, workspace.store, stage.corpus)
        counts = catalog.query_rows(load_sql("count_duplicates"), corpus=stage.corpus)[0]
    return {"pairs": count, **counts}


def _copy_links(workspace: Workspace, stage: Stage, scratch: Catalog) -> None:
    """Copies what is grouped out of the catalogue: it is open no longer than that."""
    with workspace.open_synced_catalog(stage.corpus) as catalog:
        load_pairs(catalog, workspace.store, stage)
        links = catalog.read_batches(load_sql("links_to_group"), ROWS, corpus=stage.corpus)
        fill_table(scratch, "links", LINKS, links)
        before = catalog.read_batches(
            "SELECT content, anchor FROM duplicates WHERE corpus = $corpus", ROWS,
            corpus=stage.corpus,
        )  # fmt: skip
        fill_table(scratch, "before", pairs.GROUPS, before)


def fill_table(
    scratch: Catalog, name: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]
) -> None:
    """Makes a table of the scratch database from rows that come some at a time."""
    scratch.register(schema.empty_table())
    scratch.execute(f"CREATE TABLE {name} AS FROM incoming")
    for some in batches:
        scratch.insert(name, pa.Table.from_batches([some]))


def form_groups(scratch: Catalog, index: Index, ids: str, spec: DedupSpec) -> int:
    """Makes `grouped`, the group of each node, from `links`; the number of links in the index.

    `ids` is the file that names the index's rows.
    """
    scratch.execute(load_sql("number_links"), ids=ids)
    scratch.execute(load_sql("numbered_edges"))
    [(nodes, edges)] = scratch.execute(
        "SELECT (SELECT count(*) FROM nodes), (SELECT count(*) FROM edges)"
    )
    some = scratch.stream("SELECT one, other FROM edges", ROWS)
    labels = label_components(nodes, map(np.array, some))
    scratch.register(pa.table({"node": np.arange(nodes), "component": labels}))
    scratch.execute("CREATE TABLE labels AS FROM incoming")
    rows = scratch.query_table("SELECT row FROM nodes ORDER BY node").column(0).to_numpy()
    groups = enumerate(_join_components(scratch, index, rows, spec))
    members = ((number, node) for number, group in groups for node in group.tolist())
    fill_table(scratch, "grouped", GROUPED, _to_batches(members, GROUPED))
    return edges


def _join_components(
    scratch: Catalog, index: Index, rows: np.ndarray, spec: DedupSpec
) -> Iterator[np.ndarray]:
    """The groups of every component, by numbers of nodes."""
    edges = (edge for some in scratch.stream(load_sql("ordered_edges"), ROWS) for edge in some)
    for _, links in groupby(edges, itemgetter(0)):
        numbers = np.array([(one, other) for _, one, other in links])
        yield from join_links(numbers, lambda nodes: index.vectors(rows[nodes]), spec.candidates)


def name_groups(scratch: Catalog) -> None:
    """Makes `chosen`, the former group of each group that keeps a name, from `before`.

    A group's name is that which most of its contents had, unless another group has more of these,
    or has the content that it is named after; so it stays the same over nights.
    """
    claims = (claim for some in scratch.stream(load_sql("former_groups"), ROWS) for claim in some)
    fill_table(scratch, "chosen", CHOSEN, _to_batches(choose_anchors(claims), CHOSEN))


def list_members(scratch: Catalog) -> Iterator[pa.RecordBatch]:
    """The contents of all groups and the anchors of these, group by group, some at a time."""
    yield from scratch.read_batches(load_sql("named_groups"), ROWS)


def _to_batches(rows: Iterable[tuple], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for some in iter_batches(rows, ROWS):
        columns = [pa.array(column) for column in zip(*some, strict=True)]
        yield pa.record_batch(columns, schema=schema)


def _publish_groups(
    workspace: Workspace, stage: Stage, spec: DedupSpec, fetched: FetchedIndex, scratch: Catalog
) -> None:
    """Writes the table of groups, then the record that names it, then the alias."""
    store, digest = workspace.store, hashlib.sha256()
    for some in list_members(scratch):
        for row in some.to_pylist():
            digest.update(f"{row['content']} {row['anchor']}\n".encode())
    name = f"{stage.folder}/groups-{digest.hexdigest()[:12]}.parquet"
    with tables.open_writer(store, name, pairs.GROUPS) as writer:
        for some in list_members(scratch):
            writer.write_batch(some.cast(pairs.GROUPS))
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
