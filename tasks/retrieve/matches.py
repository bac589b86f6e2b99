"""What a search finds, by content: whole videos here, moments of them in `moments.py`."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from data.specs.retrieve import RetrieveSpec
from engines.retrieve.search import Barred, Searchable, search_index


class Match(NamedTuple):
    """A content and its score; of a moment the seconds at which it begins and ends."""

    content: str
    score: float
    start_sec: float | None = None
    end_sec: float | None = None
    excluded: int = 0


def match_videos(
    index: Searchable, vectors: np.ndarray, spec: RetrieveSpec, *, own: Sequence[Barred] | None,
    allowed: np.ndarray | None, hidden: np.ndarray,
) -> list[list[Match]]:  # fmt: skip
    """The k best videos for each unit vector (n, d), but the one that it is of itself, its `own`.

    `allowed` and `hidden` are rows of the index.
    """
    results = search_index(
        index, vectors, spec.k,
        ceiling=spec.ceiling, dedup=spec.dedup, mmr=spec.mmr,
        exclude=own, allowed=allowed, hidden=hidden,
    )  # fmt: skip
    return [
        [Match(n.content, n.score, excluded=n.excluded) for n in result.neighbours]
        for result in results
    ]
