"""Which vectors an index is made of: those of the contents that may be shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data.catalog.database import Catalog, load_sql
from data.shards.stages import Stage
from data.store import tables
from data.workspace import Workspace
from engines.index import frame_rows
from engines.index.frame_vectors import FrameVectors
from engines.index.index import Index
from engines.index.pooled_vectors import PooledVectors
from engines.index.version import IDS
from tasks.index.versions import read_count


def query_values(stage: Stage, source: Stage, version: str | None) -> dict[str, Any]:
    """The parameters of the catalogue's statements on a version of an index of a source."""
    return {
        "corpus": stage.corpus, "stage": source.kind, "made_by": source.fingerprint,
        "fingerprint": stage.fingerprint, "version": version or "",
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class PooledSource:
    """The pooled vectors of a corpus, one for each content, for an index `stage`."""

    workspace: Workspace
    stage: Stage
    made_by: Stage

    def list_all(self) -> PooledVectors:
        """The vectors of all contents that may be shown.

        The catalogue is asked for the shards too: a shard that is pooled meanwhile is not in it,
        and nothing would be known of its contents.
        """
        pooled = self.made_by
        values = {"corpus": pooled.corpus, "pool": pooled.fingerprint}
        with self.workspace.open_catalog() as catalog:
            left_out = [content for (content,) in _ask(catalog, "contents_not_shown", values)]
            twice = dict(_ask(catalog, "contents_done_twice", values))
            shards = tuple(shard for (shard,) in _ask(catalog, "pooled_shards", values))
        store = self.workspace.store
        return PooledVectors(store, pooled.folder, shards, frozenset(left_out), twice)

    def list_new(self, version: str, index: Index) -> PooledVectors:
        """The same, of the contents that a version lacks; reads no shard that has none of them."""
        with self.workspace.open_catalog() as catalog:
            rows = _ask(catalog, "contents_to_add", query_values(self.stage, self.made_by, version))
        # The version itself knows best what it has: the catalogue may have merged another one under
        # its name, in stores where names were given twice.
        numbers = index.rows([content for content, *_ in rows])
        wanted = {content: shard for (content, shard, _), row in zip(rows, numbers, strict=True)
                  if row < 0}  # fmt: skip
        shards = tuple(sorted(set(wanted.values())))
        store = self.workspace.store
        return PooledVectors(store, self.made_by.folder, shards, wanted=wanted)

    def name_rows(self, index: Index, contents: Sequence[str]) -> list[str]:
        """What the rows of contents are called in the index: by the contents."""
        return list(contents)

    def finish(self, folder: Path) -> None:
        """Nothing to add to a version's folder."""

    def count_videos(self, version: str) -> int:
        """How many videos a version has."""
        return read_count(self.workspace, self.stage, version)


@dataclass(frozen=True)  # without slots, which leave no place for what is cached
class FrameSource:
    """The frame vectors of a corpus, for an index of frames."""

    workspace: Workspace
    stage: Stage
    made_by: Stage

    def list_all(self) -> FrameVectors:
        """The vectors of all contents that may be shown; contents are numbered in their order.

        Listed once a build: a video that comes or goes meanwhile would move all numbers after it,
        and rows would be named after other videos.
        """
        return self._all

    @cached_property
    def _all(self) -> FrameVectors:
        return self._list_frames("", [])

    def list_new(self, version: str, index: Index) -> FrameVectors:
        """The same, of the contents that a version lacks, which are numbered after its own."""
        rows = index.frame_rows
        assert rows is not None
        vectors = self._list_frames(version, rows.videos.to_pylist())
        rows.add_videos(sorted(vectors.wanted))
        return vectors

    def _list_frames(self, version: str, known: list[str]) -> FrameVectors:
        with self.workspace.open_catalog() as catalog:
            rows = _ask(catalog, "contents_to_add", query_values(self.stage, self.made_by, version))
        before = set(known)
        wanted = {content: shard for content, shard, _ in rows if content not in before}
        numbers = {content: len(known) + n for n, content in enumerate(sorted(wanted))}
        count = sum(frames for content, _, frames in rows if content in wanted)
        store = self.workspace.store
        return FrameVectors(store, self.made_by.folder, wanted, numbers, count)

    def name_rows(self, index: Index, contents: Sequence[str]) -> list[str]:
        """What the rows of contents are called in the index: by video and frame."""
        rows = index.frame_rows
        assert rows is not None
        stale = pc.is_in(rows.videos, value_set=pa.array(contents, rows.videos.type))
        return list(rows.list_rows(np.flatnonzero(stale.to_numpy())))

    def finish(self, folder: Path) -> None:
        """Numbers the rows of a version that was built, which until then have names."""
        frame_rows.number_rows(folder, sorted(self.list_all().wanted))

    def count_videos(self, version: str) -> int:
        """How many videos a version has."""
        name = f"{self.stage.folder}/{version}/{IDS}"
        return len(tables.read_table(self.workspace.store, name))


VectorSource = PooledSource | FrameSource


def _ask(catalog: Catalog, statement: str, values: dict[str, Any]) -> list[tuple]:
    return catalog.execute(load_sql(statement), **values)
