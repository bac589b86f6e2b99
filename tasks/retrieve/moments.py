"""Moments of a corpus's videos: which videos are looked at, and where their frames lie."""

import math
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from data.catalog.database import load_sql
from data.shards.stages import INDEX_OF_FRAMES, Stage, current_stage, published_version
from data.specs.retrieve import RetrieveSpec
from data.store.temporary import TemporaryFolder
from data.workspace import Workspace
from engines.index.index import Index, open_index
from engines.retrieve.candidates import CandidateRules, VideoRows, find_owners
from engines.retrieve.curves import FrameReader
from engines.retrieve.moment_search import search_moments
from engines.retrieve.search import Barred, search_index
from tasks.index.versions import fetch_version
from tasks.retrieve.matches import Match


class MomentFinder:
    """Finds moments in the videos that an index of videos, and one of frames, are nearest to."""

    def __init__(self, workspace: Workspace, embedded: Stage) -> None:
        self.workspace, self.embedded = workspace, embedded
        self._temporary = TemporaryFolder()  # of a remote store's index

    @cached_property
    def _frames(self) -> Index | None:
        """The published index of frames, if the corpus has one."""
        store, corpus = self.workspace.store, self.embedded.corpus
        stage = current_stage(store, corpus, INDEX_OF_FRAMES)
        version = published_version(store, stage)
        if stage is None or version is None:
            return None
        copy = Path(self._temporary.name) / "v"
        return open_index(fetch_version(self.workspace, stage, version, copy))

    def match(
        self, index: VideoRows, vectors: np.ndarray, spec: RetrieveSpec, *,
        own: Sequence[Barred] | None, allowed: np.ndarray | None, hidden: np.ndarray,
    ) -> list[list[Match]]:  # fmt: skip
        """The k best moments for each unit vector (n, d), as `match_videos` finds videos."""
        results = search_index(
            index, vectors, spec.candidates, ceiling=math.inf, dedup=None,
            exclude=own, allowed=allowed, hidden=hidden,
        )  # fmt: skip
        candidates = [[n.content for n in result.neighbours] for result in results]
        # Where the index of videos gave all that there are, frames have nothing to add.
        if self._frames is not None and any(not result.short_by for result in results):
            rules = CandidateRules(index, own, allowed, hidden)
            owners = find_owners(self._frames, vectors, spec.candidates, rules.keep)
            candidates = [[*a, *b] for a, b in zip(candidates, owners, strict=True)]
        contents = sorted({content for some in candidates for content in some})
        located = self._ask(
            "output_locations", contents, stage="embed", fingerprint=self.embedded.fingerprint
        )
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
