"""Which rows of an index, and which videos of its contents, meet conditions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Selection:
    """The `rows` of an index whose contents have videos that meet conditions, and how many do."""

    workspace: Workspace
    corpus: str
    wheres: tuple[str, ...]
    rows: np.ndarray
    videos: int

    def choose_videos(
        self, contents: Sequence[str], first: Mapping[str, tuple]
    ) -> dict[str, tuple]:
        """The id, URI and caption of the video to show of each of a few contents.

        It is the `first` video of all, if that meets the conditions, else that of the lowest id.
        """
        by_content: dict[str, dict[str, tuple]] = {}
        for content, id, uri, caption in self._read_videos(sorted(set(contents))):
            by_content.setdefault(content, {})[id] = (id, uri, caption)
        return {
            content: videos.get(first[content][0] if content in first else "")
            or videos[min(videos)]
            for content, videos in by_content.items()
        }

    def _read_videos(self, contents: Sequence[str]) -> list[tuple]:
        """The content, id, URI and caption of each video that meets the conditions."""
        if not contents:
            return []
        with self.workspace.select_videos(self.corpus, self.wheres, contents) as videos:
            return videos.project("content, id, uri, caption").fetchall()


def select_rows(
    workspace: Workspace, corpus: str, wheres: Sequence[str], contents: pa.ChunkedArray
) -> Selection:
    """Selects the videos that meet every condition; `contents` are those of an index's rows."""
    with workspace.select_videos(corpus, wheres) as videos:
        # Contents alone, as Arrow: of millions of videos, Python would hold gigabytes.
        kept = videos.project("content").to_arrow_table().column("content")
    mask = pc.is_in(contents, value_set=kept.cast(contents.type).combine_chunks())
    return Selection(workspace, corpus, tuple(wheres), np.flatnonzero(mask.to_numpy()), len(kept))
