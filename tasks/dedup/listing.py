"""Lists the groups of near-duplicates of a corpus, for a table and for a page."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pyarrow as pa

from data.catalog.database import load_sql
from data.shards.stages import Stage
from data.workspace import Workspace
from tasks.dedup.run import read_pairs

TABLE = pa.schema(
    {
        "group": pa.string(), "video_id": pa.string(), "duplicate_of": pa.string(),
        "same_bytes": pa.bool_(), "score": pa.float32(), "similarity": pa.float32(),
        "speed": pa.float32(), "uri": pa.string(), "caption": pa.string(),
        "duration": pa.float64(), "width": pa.int32(), "height": pa.int32(),
        "bytes": pa.int64(), "content": pa.string(),
    }
)  # fmt: skip
Span = tuple[float, float]
Row = Mapping[str, Any]  # of duplicate_groups.sql


@dataclass(frozen=True, slots=True)
class Copy:
    """A video of a group beside the one that is kept.

    `pair` is the row of the pairs' table about both; None where they have the same bytes, and where
    each is a copy of a third one.
    """

    video: Row
    same_bytes: bool
    pair: Row | None

    @property
    def score(self) -> float | None:
        """The mean cosine of the frames of both; None where they were not compared."""
        return 1.0 if self.same_bytes else self.pair["score"] if self.pair else None

    @property
    def spans(self) -> tuple[Span, Span] | None:
        """The seconds of the kept video and of the copy that show the same; None: not known."""
        if self.pair is None:
            return None
        one, other = ((self.pair[f"{which}_from"], self.pair[f"{which}_to"])
                      for which in ("one", "other"))  # fmt: skip
        return (other, one) if self.pair["one"] == self.video["content"] else (one, other)

    @property
    def speed(self) -> float | None:
        """How much faster the copy is; None where it is not known."""
        if self.pair is None or not self.pair["speed"]:
            return None
        speed = self.pair["speed"]
        return speed if self.pair["one"] == self.video["content"] else 1 / speed


@dataclass(frozen=True, slots=True)
class Group:
    """A group by its id: the video that is kept, and its copies."""

    id: str
    kept: Row
    copies: list[Copy]


def list_groups(workspace: Workspace, stage: Stage) -> Iterator[Group]:
    """The groups of the videos that may be shown now, in the order of their ids."""
    with workspace.open_synced_catalog(stage.corpus) as catalog:
        table = catalog.query_table(load_sql("duplicate_groups"), corpus=stage.corpus)
    pairs = {
        (row["one"], row["other"]): row
        for some in read_pairs(workspace.store, stage.folder) for row in some.to_pylist()
    }  # fmt: skip
    rows = (row for batch in table.to_batches() for row in batch.to_pylist())
    for id, group in groupby(rows, key=lambda row: row["group"]):
        kept, *others = group
        copies = [_build_copy(kept, row, pairs) for row in others]
        yield Group(id, kept, copies)


def _build_copy(kept: Row, video: Row, pairs: Mapping[tuple[str, str], Row]) -> Copy:
    contents = sorted((kept["content"], video["content"]))
    same = contents[0] == contents[1]
    return Copy(video, same, None if same else pairs.get((contents[0], contents[1])))


def list_rows(groups: Iterator[Group]) -> Iterator[dict[str, Any]]:
    """The rows of the table of groups, each group's kept video first."""
    for group in groups:
        for video, copy in [(group.kept, None), *((copy.video, copy) for copy in group.copies)]:
            row = {name: video.get(name) for name in TABLE.names}
            yield row | {
                "group": group.id, "video_id": video["id"],
                "duplicate_of": group.kept["id"] if copy else None,
                "same_bytes": copy.same_bytes if copy else None,
                "score": copy.score if copy else None,
                "similarity": copy.pair["similarity"] if copy and copy.pair else None,
                "speed": copy.speed if copy else None,
            }  # fmt: skip
