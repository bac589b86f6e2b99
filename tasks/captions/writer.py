"""The caption-vectors stage: captions to unit vectors, one table a shard."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from data.catalog.database import load_sql
from data.outcome import Done, Outcome
from data.records import Video
from data.shards.lists import Shard
from data.shards.receipts import VideoRow, done_row, failed_row
from data.shards.stages import CAPTION_VECTORS, Stage
from data.specs.encode import CaptionSpec
from data.store import layout, tables
from data.store.storage import Store
from data.workspace import Workspace
from engines.base import Engine, Runner, load_plugin
from engines.retrieve.captions import Caption, CaptionEncoder, CaptionVector
from tasks.stage_run import ShardWriter, StageRun
from tasks.workers import count_workers


class CaptionWriter(ShardWriter[Video, CaptionVector, VideoRow]):
    """Writes a shard's vectors in the order of its list, as `tables.pooled_schema` has them."""

    def __init__(self, store: Store, name: str, items: tuple[Video, ...]) -> None:
        super().__init__()
        self._store, self._name, self._items = store, name, items
        self._vectors: dict[str, np.ndarray] = {}

    def write(self, item: Video, outcome: Outcome[CaptionVector]) -> VideoRow:
        if not isinstance(outcome, Done):
            return failed_row(outcome, item.content)
        self._vectors[item.id] = outcome.value.vector
        self.seconds.update({"model": outcome.value.model_s})  # type: ignore[arg-type]
        # What was encoded: a caption that is corrected is encoded again.
        row = done_row(item.id, item.content, 1)
        row["detail"] = outcome.value.caption
        return row

    def finish(self) -> None:
        # In the order of the list, whichever came first: the same file after any retry.
        kept = [item for item in self._items if item.id in self._vectors]
        if not kept:
            return
        vectors = np.stack([self._vectors[item.id] for item in kept])
        dim = vectors.shape[1]
        schema = tables.pooled_schema(dim)
        columns = [
            pa.array([item.id for item in kept]), pa.array([item.content for item in kept]),
            pa.array([1] * len(kept), pa.int32()),
            pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), dim),
        ]  # fmt: skip
        with tables.open_writer(self._store, self._name, schema) as writer:
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))


class CaptionRun(StageRun[Video, CaptionVector, VideoRow]):
    """Workers that encode a corpus's captions."""

    stage = CAPTION_VECTORS

    def __init__(self, workspace: Workspace, of: Stage, spec: CaptionSpec, runner: Runner) -> None:
        version = load_plugin("retrieve.encoders", spec.encode.encoder).VERSION
        # Its inputs are captions, which `to_input` looks up, not the videos of its lists.
        make: Callable[[], Engine[Any, CaptionVector]] = partial(CaptionEncoder, spec.encode)
        super().__init__(
            workspace.store, of.folder, version, make, runner,
            workspace.settings.batch,
        )  # fmt: skip
        self.workers = count_workers(workspace.settings)
        self._workspace, self._corpus, self._column = workspace, of.corpus, spec.column
        self._captions: dict[str, str | None] = {}

    def read_item(self, payload: dict[str, Any]) -> Video:
        return Video(**payload)

    def to_input(self, item: Video) -> Caption:
        return Caption(item.id, self._captions.pop(item.id, None))

    def open_writer(self, shard: Shard[Video]) -> CaptionWriter:
        # Lists have no captions: they are read once a shard, and go as they are taken.
        self._captions |= self._read_captions([item.id for item in shard.items])
        return CaptionWriter(self.store, layout.shard_file(self.folder, shard.id), shard.items)

    def _read_captions(self, ids: list[str]) -> dict[str, str | None]:
        with self._workspace.open_catalog() as catalog:
            rows = catalog.query_rows(load_sql("shown_videos"), corpus=self._corpus, ids=ids)
        if self._column is None:
            return {row["id"]: row["caption"] for row in rows}
        columns = {row["id"]: json.loads(row["columns"] or "{}") for row in rows}
        return {
            id: str(value) if (value := each.get(self._column)) is not None else None
            for id, each in columns.items()
        }
