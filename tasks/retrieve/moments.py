"""Moments of a corpus's videos: which videos are looked at, and where their frames lie."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from data.catalog.database import load_sql
from data.shards.stages import Stage
from data.specs.retrieve import RetrieveSpec
from data.workspace import Workspace
from engines.retrieve.curves import FrameReader
from engines.retrieve.moment_search import search_moments
from engines.retrieve.search import Searchable, search_index
from tasks.retrieve.matches import Match


class MomentFinder:
    """Finds moments in the videos that an index of videos, and one of frames, are nearest to."""

    def __init__(self, workspace: Workspace, embedded: Stage) -> None:
        self.workspace, self.embedded = workspace, embedded

    def match(
        self, index: Searchable, vectors: np.ndarray, spec: RetrieveSpec, *,
        own: Sequence[str] | None, allowed: np.ndarray | None, hidden: np.ndarray,
    ) -> list[list[Match]]:  # fmt: skip
        """The k best moments for each unit vector (n, d), as `match_videos` finds videos."""
        results = search_index(
            index, vectors, spec.candidates, ceiling=math.inf, dedup=None,
            exclude=own, allowed=allowed, hidden=hidden,
        )  # fmt: skip
        candidates = [[n.content for n in result.neighbours] for result in results]
        contents = sorted({content for some in candidates for content in some})
        located = self._ask("vector_locations", contents, embed=self.embedded.fingerprint)
        places = {content: (shard, id) for content, shard, id in located}
        durations = dict(self._ask("content_durations", contents))
        reader = FrameReader(self.workspace.store, self.embedded.folder, places)
        found = search_moments(reader, vectors, candidates, spec, durations)
        return [
            [Match(each.content, each.moment.score, each.moment.start, each.moment.end)
             for each in some]
            for some in found
        ]  # fmt: skip

    def _ask(self, statement: str, contents: list[str], **values: Any) -> list[tuple]:
        with self.workspace.open_catalog() as catalog:
            return catalog.execute(
                load_sql(statement), corpus=self.embedded.corpus, contents=contents, **values
            )
