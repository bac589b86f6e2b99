"""Videos that have a frame near to a query, by an index of frames."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from engines.index.index import Index
from engines.retrieve.search import (
    MAX_CANDIDATES,
    OVERFETCH,
    Barred,
    Searchable,
    match_contents,
)

Keep = Callable[[int, list[str]], np.ndarray]


class VideoRows(Searchable, Protocol):
    """An index of videos that knows the rows of contents."""

    def rows(self, contents: Sequence[str]) -> np.ndarray:
        """The row of each content, -1 for none."""
        ...


@dataclass(frozen=True, slots=True)
class CandidateRules:
    """Which contents may be searched for moments: those that a search of the videos may find.

    `own` is each query's own content, or contents; `allowed` and `hidden` are rows of the index of
    videos.
    """

    index: VideoRows
    own: Sequence[Barred] | None
    allowed: np.ndarray | None
    hidden: np.ndarray

    def keep(self, query: int, contents: list[str]) -> np.ndarray:
        """Whether each content may be one of a query's candidates."""
        rows = self.index.rows(contents)
        kept = (rows >= 0) & ~np.isin(rows, self.hidden)
        if self.allowed is not None:
            kept &= np.isin(rows, self.allowed)
        own = None if self.own is None else self.own[query]
        return kept & ~match_contents(np.array(contents, object), own)


def find_owners(frames: Index, queries: np.ndarray, count: int, keep: Keep) -> list[list[str]]:
    """The contents of the frames nearest to each unit query (n, d), at most `count` to be kept.

    A long video may have all of the nearest frames: four times as many are fetched until there are
    enough videos, or 16,384 frames were looked at.
    """
    rows = frames.frame_rows
    assert rows is not None
    most = min(len(frames), max(OVERFETCH * count, MAX_CANDIDATES))
    owners: list[list[str]] = [[] for _ in queries]
    short, fetch, effort = np.arange(len(queries)), OVERFETCH * count, 1
    while short.size:
        _, found = frames.search(queries[short], min(fetch, most), effort=effort)
        for query, row in zip(short.tolist(), found, strict=True):
            numbers = rows.frames[row[row >= 0], 0]
            _, first = np.unique(numbers, return_index=True)
            contents = rows.videos.take(numbers[np.sort(first)]).to_pylist()
            kept = keep(query, contents)
            owners[query] = [c for c, ok in zip(contents, kept, strict=True) if ok][:count]
        if fetch >= most:
            break
        short = np.array([q for q in short.tolist() if len(owners[q]) < count], np.int64)
        fetch, effort = 4 * fetch, 2 * effort
    return owners
