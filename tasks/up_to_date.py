"""Whether a corpus has anything left to do, found without starting anything."""

from dataclasses import dataclass
from typing import Any

from data.catalog.coverage import compute_coverage, list_failures
from data.catalog.database import Catalog, load_sql
from data.catalog.failures import TRANSIENT_REASONS
from data.shards.lists import list_pending
from data.shards.stages import (
    INDEX_OF_FRAMES,
    Stage,
    current_stage,
    published_version,
    read_spec,
    read_spec_record,
)
from data.specs.pipeline import EmbedSpec, IndexSpec, PoolSpec
from data.store import layout
from data.workspace import Workspace
from engines.base import load_plugin
from tasks.index.vectors import query_values

MADE = ("embed", "pool", "index")


@dataclass(frozen=True, slots=True)
class UpToDate:
    """A corpus of which everything is in its published index, or failed for good."""

    version: str
    done: int
    failed: int


def find_up_to_date(workspace: Workspace, corpus: str) -> UpToDate | None:
    """What a corpus has where a run would change nothing; None where it might.

    It only reads: a run that is started after all finds what there is to do by itself.
    """
    store = workspace.store
    stages = [current_stage(store, workspace.check_corpus(corpus), kind) for kind in MADE]
    embed, pool, index = stages
    version = published_version(store, index)
    if embed is None or pool is None or index is None or version is None:
        return None
    if not _is_current(workspace, embed, pool, index):
        return None
    if any(list_pending(store, stage.folder) for stage in (embed, pool)):
        return None
    with workspace.open_catalog() as catalog:
        stages = compute_coverage(catalog, store, corpus)["stages"]
        if any(stages[kind]["videos"]["missing"] for kind in MADE):
            return None
        if any(row["reason"] in TRANSIENT_REASONS for row in list_failures(catalog, store, corpus)):
            return None  # worth another attempt
        values = query_values(index, pool, version)
        if catalog.execute(load_sql("stale_contents"), **values):
            return None
        if not _are_frames_current(workspace, catalog, embed):
            return None
    videos = stages["index"]["videos"]
    return UpToDate(version, videos["done"], videos["failed"])


def _are_frames_current(workspace: Workspace, catalog: Catalog, embed: Stage) -> bool:
    """Whether the index of frames, where a corpus has one, is of all frames that may be shown."""
    store = workspace.store
    if not store.exists(layout.current_alias(embed.corpus, INDEX_OF_FRAMES)):
        return True  # a run makes none by itself
    stage = current_stage(store, embed.corpus, INDEX_OF_FRAMES)
    version = published_version(store, stage)
    if stage is None or version is None:
        return False
    kind = load_plugin("index.kinds", read_spec(store, stage, IndexSpec).engine)
    if read_spec_record(store, stage)["version"] != kind.VERSION:
        return False
    values = query_values(stage, embed, version)
    new = catalog.execute(load_sql("count_unindexed"), **values)[0][0]
    return not new and not catalog.execute(load_sql("stale_contents"), **values)


def _is_current(workspace: Workspace, embed: Stage, pool: Stage, index: Stage) -> bool:
    """Whether the same weights and versions of plugins are here that made the stages."""
    store = workspace.store
    spec = read_spec(store, embed, EmbedSpec)
    model: Any = load_plugin("embed.models", spec.engine)
    method = load_plugin("pool.methods", read_spec(store, pool, PoolSpec).method)
    kind = load_plugin("index.kinds", read_spec(store, index, IndexSpec).engine)
    for stage, plugin in ((embed, model), (pool, method), (index, kind)):
        if read_spec_record(store, stage)["version"] != plugin.VERSION:
            return False
    return model.digest(spec) in read_spec_record(store, embed)["inputs"]
