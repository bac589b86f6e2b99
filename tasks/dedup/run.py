"""The dedup stage: contents of an index to pairs of near-duplicates, one table a shard."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import pyarrow as pa
from prefect import task
from prefect.cache_policies import NO_CACHE

from data.catalog import merge
from data.catalog.database import load_sql
from data.outcome import Done, Outcome
from data.shards.lists import Shard, add_shards, list_done, list_pending
from data.shards.stages import Stage, current_stage
from data.specs.dedup import DedupSpec
from data.store import layout, pairs, tables
from data.store.storage import Store
from data.workspace import Workspace
from engines.base import Runner
from engines.dedup.engine import VERSION, Content, CopyFinder, Pair
from engines.dedup.locations import write_locations
from engines.index import version
from tasks.stage_run import ShardWriter, StageRun

SHARD = 4096  # contents: each shard looks its contents up in the whole index once


class CopiesRow(TypedDict):
    """A content in a receipt: how many pairs were found from it, or why it was not compared."""

    id: str
    content: str
    pairs: int
    reason: str | None
    detail: str | None


class PairWriter(ShardWriter[Content, list[Pair], CopiesRow]):
    """Gathers a shard's pairs, which are few, and writes them at its end."""

    def __init__(self, store: Store, name: str) -> None:
        super().__init__()
        self._store, self._name = store, name
        self._pairs: list[Pair] = []

    def write(self, item: Content, outcome: Outcome[list[Pair]]) -> CopiesRow:
        if not isinstance(outcome, Done):
            return CopiesRow(id=item.id, content=item.id, pairs=0, reason=outcome.reason,
                             detail=outcome.detail)  # fmt: skip
        self._pairs += outcome.value
        return CopiesRow(
            id=item.id, content=item.id, pairs=len(outcome.value), reason=None, detail=None
        )

    def finish(self) -> None:
        if self._pairs:
            ordered = sorted(self._pairs, key=lambda pair: (pair.one, pair.other))
            tables.write_rows(self._store, self._name, pairs.PAIRS, list(map(_to_row, ordered)))


class DedupRun(StageRun[Content, list[Pair], CopiesRow]):
    """Compares contents in this process: faiss takes all cores for a search."""

    stage = "dedup"

    def __init__(
        self, workspace: Workspace, stage: Stage, spec: DedupSpec, index: Path, locations: Path,
        runner: Runner,
    ) -> None:  # fmt: skip
        make = partial(CopyFinder, workspace.store, index, locations, spec)
        super().__init__(workspace.store, stage.folder, VERSION, make, runner, SHARD)

    def read_item(self, payload: dict[str, Any]) -> Content:
        return Content(payload["content"])

    def open_writer(self, shard: Shard[Content]) -> PairWriter:
        return PairWriter(self.store, layout.shard_file(self.folder, shard.id))


@task(name="plan-dedup", cache_policy=NO_CACHE, persist_result=False)
def plan_contents(
    workspace: Workspace, stage: Stage, index: Stage, index_version: str
) -> list[str]:
    """Lists every content of the index that no shard lists; the stage's shards to run."""
    values = {"corpus": stage.corpus, "fingerprint": stage.fingerprint,
              "index": index.fingerprint, "version": index_version}  # fmt: skip
    with workspace.open_synced_catalog(stage.corpus) as catalog:
        rows = catalog.stream(load_sql("contents_to_compare"), SHARD, **values)
        items = (Content(content) for some in rows for (content,) in some)
        add_shards(workspace.store, stage.folder, items, SHARD)
        merge.sync_stage(catalog, workspace.store, stage.corpus, stage.kind, stage.fingerprint)
    return list_pending(workspace.store, stage.folder)


def locate_frames(workspace: Workspace, corpus: str, index_folder: Path, path: Path) -> None:
    """Writes where the frame vectors of every row of the corpus's index lie."""
    embed = current_stage(workspace.store, corpus, "embed")
    assert embed is not None  # there is an index over it
    contents = version.read_contents(version.read_ids(index_folder))
    with workspace.open_catalog() as catalog:
        catalog.register(pa.table({"row": np.arange(len(contents)), "content": contents}))
        table = catalog.query_table(
            load_sql("frame_locations"), corpus=corpus, embed=embed.fingerprint
        )
    # Each shard's name once, and not a text for every row.
    shards = table.column("shard").combine_chunks().dictionary_encode()
    files = [layout.shard_file(embed.folder, name) for name in shards.dictionary.to_pylist()]
    column = pa.array(files, pa.string()).take(shards.indices)
    write_locations(path, pa.table({"file": column, "id": table.column("id")}))


def read_pairs(store: Store, folder: str) -> Iterator[pa.Table]:
    """The pairs of every shard that is done."""
    for shard in list_done(store, folder):
        name = layout.shard_file(folder, shard)
        if store.exists(name):  # there is no file where there are no pairs
            yield tables.read_table(store, name)


def _to_row(pair: Pair) -> dict[str, Any]:
    found = pair.alignment
    return {
        "one": pair.one, "other": pair.other, "similarity": pair.similarity,
        "score": found.score, "speed": found.speed, "one_from": found.first[0],
        "one_to": found.first[1], "other_from": found.second[0], "other_to": found.second[1],
    }  # fmt: skip
