"""Which rows of an index, and which videos of its contents, meet conditions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data.catalog.database import catalog_path
from data.catalog.filters import select_videos
from data.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Selection:
    """The `rows` of an index and the `ids` of videos that meet conditions.

    `by_content` has the id, URI and caption of one video of each content: that of the lowest id.
    """

    rows: np.ndarray
    by_content: dict[str, tuple]
    ids: frozenset[str]

    def choose_videos(
        self, contents: Sequence[str], first: Mapping[str, tuple]
    ) -> dict[str, tuple]:
        """The video to show of each content: its `first` of all, if that meets the conditions."""
        return {
            content: first[content]
            if content in first and first[content][0] in self.ids
            else self.by_content[content]
            for content in contents
        }


def select_rows(
    workspace: Workspace, corpus: str, wheres: list[str], contents: np.ndarray
) -> Selection:
    """Selects the videos that meet every condition; `contents` are those of an index's rows."""
    path = catalog_path(workspace.store, workspace.settings.catalog)
    with select_videos(path, corpus, wheres, workspace.settings.wait_s) as videos:
        rows = videos.project("content, id, uri, caption").fetchall()
    by_content: dict[str, tuple] = {}
    for content, *video in sorted(rows, key=itemgetter(1)):
        by_content.setdefault(content, tuple(video))
    kept = pc.is_in(
        pa.array(contents, pa.large_string()),
        value_set=pa.array(list(by_content), pa.large_string()),
    )
    allowed = np.flatnonzero(kept.to_numpy(zero_copy_only=False))
    return Selection(allowed, by_content, frozenset(id for _, id, _, _ in rows))
