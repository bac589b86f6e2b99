"""Which pooled vectors an index is made of: those of the contents that may be shown."""

from typing import Any

from data.catalog.database import Catalog, load_sql
from data.shards.stages import Stage
from data.workspace import Workspace
from engines.index.index import Index
from engines.index.pooled_vectors import PooledVectors


def query_values(stage: Stage, pooled: Stage, version: str | None) -> dict[str, Any]:
    """The parameters of the catalogue's statements on a version of an index."""
    return {
        "corpus": stage.corpus, "pool": pooled.fingerprint,
        "fingerprint": stage.fingerprint, "version": version or "",
    }  # fmt: skip


def list_vectors(workspace: Workspace, stage: Stage, pooled: Stage) -> PooledVectors:
    """The pooled vectors of all contents that may be shown, one each.

    The catalogue is asked for the shards too: a shard that is pooled meanwhile is not in it, and
    nothing would be known of its contents.
    """
    values = query_values(stage, pooled, None)
    with workspace.open_catalog() as catalog:
        left_out = [content for (content,) in _ask(catalog, "contents_not_shown", values)]
        twice = dict(_ask(catalog, "contents_done_twice", values))
        shards = tuple(shard for (shard,) in _ask(catalog, "pooled_shards", values))
    return PooledVectors(workspace.store, pooled.folder, shards, frozenset(left_out), twice)


def list_new_vectors(
    workspace: Workspace, stage: Stage, pooled: Stage, version: str, index: Index
) -> PooledVectors:
    """The same, of the contents that a version lacks; reads no shard that has none of them."""
    with workspace.open_catalog() as catalog:
        rows = _ask(catalog, "contents_to_add", query_values(stage, pooled, version))
    # The version itself knows best what it has: the catalogue may have merged another one under
    # its name, in stores where names were given twice.
    numbers = index.rows([content for content, _ in rows])
    wanted = {content: shard for (content, shard), row in zip(rows, numbers, strict=True)
              if row < 0}  # fmt: skip
    shards = tuple(sorted(set(wanted.values())))
    return PooledVectors(workspace.store, pooled.folder, shards, wanted=wanted)


def _ask(catalog: Catalog, statement: str, values: dict[str, Any]) -> list[tuple]:
    return catalog.execute(load_sql(statement), **values)
