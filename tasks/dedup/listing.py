"""Lists the groups of near-duplicates of a corpus, for a table and for a page."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

import pyarrow as pa

from data.catalog.database import load_sql
from data.shards.stages import Stage
from data.workspace import Workspace
from tasks.dedup.pairs import load_pairs

TABLE = pa.schema(
    {
        "group": pa.string(), "video_id": pa.string(), "duplicate_of": pa.string(),
        "same_bytes": pa.bool_(), "score": pa.float32(), "similarity": pa.float32(),
        "speed": pa.float32(), "uri": pa.string(), "caption": pa.string(),
        "duration": pa.float64(), "width": pa.int32(), "height": pa.int32(),
        "bytes": pa.int64(), "content": pa.string(),
    }
)  # fmt: skip
ROWS = 8192  # read at once
Span = tuple[float, float]
Row = Mapping[str, Any]  # of duplicate_groups.sql


@dataclass(frozen=True, slots=True)
class Copy:
    """A video of a group beside the one that is kept.

    `is_compared` is false where they have the same bytes, and where each is a copy of a third one.
    """

    video: Row
    same_bytes: bool

    @property
    def is_compared(self) -> bool:
        """Whether the frames of both were compared."""
        return self.video["one"] is not None

    @property
    def score(self) -> float | None:
        """The mean cosine of the frames of both; None where they were not compared."""
        return 1.0 if self.same_bytes else self.video["score"]

    @property
    def spans(self) -> tuple[Span, Span] | None:
        """The seconds of the kept video and of the copy that show the same; None: not known."""
        if not self.is_compared:
            return None
        one, other = ((self.video[f"{which}_from"], self.video[f"{which}_to"])
                      for which in ("one", "other"))  # fmt: skip
        return (other, one) if self._is_first else (one, other)

    @property
    def speed(self) -> float | None:
        """How much faster the copy is; None where it is not known."""
        speed = self.video["speed"]
        return None if not speed else speed if self._is_first else 1 / speed

    @property
    def _is_first(self) -> bool:
        """Whether the copy is the first of the pair."""
        return self.video["one"] == self.video["content"]


@dataclass(frozen=True, slots=True)
class Group:
    """A group by its id: the video that is kept, and its copies."""

    id: str
    kept: Row
    copies: list[Copy]


def list_groups(workspace: Workspace, stage: Stage) -> Iterator[Group]:
    """The groups of the videos that may be shown now, in the order of their ids."""
    with workspace.open_synced_catalog(stage.corpus) as catalog:
        load_pairs(catalog, workspace.store, stage)
        batches = catalog.read_batches(load_sql("duplicate_groups"), ROWS, corpus=stage.corpus)
        rows = (row for batch in batches for row in batch.to_pylist())
        for id, group in groupby(rows, key=itemgetter("group")):
            kept, *others = group
            copies = [Copy(row, row["content"] == kept["content"]) for row in others]
            yield Group(id, kept, copies)


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
                "similarity": video["similarity"] if copy else None,
                "speed": copy.speed if copy else None,
            }  # fmt: skip
