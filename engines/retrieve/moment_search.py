"""Finds the k best moments for each query among the frames of candidate videos."""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from data.specs.retrieve import RetrieveSpec
from engines.retrieve.curves import FrameReader
from engines.retrieve.dedup import pick_distinct
from engines.retrieve.mmr import pick_diverse
from engines.retrieve.moments import Moment, cut_moments
from engines.retrieve.search import OVERFETCH

QUERIES = 32  # searched together: bounds the scores that are held of one video


@dataclass(frozen=True, slots=True)
class FoundMoment:
    """A moment and the content of the video that it is of."""

    content: str
    moment: Moment

    @property
    def order(self) -> tuple[float, str, float]:
        """By falling score; equals by content, then by time."""
        return -self.moment.score, self.content, self.moment.start

    @property
    def key(self) -> tuple[str, int, int]:
        """What it is: the content and its frames."""
        return self.content, self.moment.first, self.moment.last


def search_moments(
    reader: FrameReader,
    queries: np.ndarray,
    candidates: Sequence[Sequence[str]],
    spec: RetrieveSpec,
    durations: Mapping[str, float],
) -> list[list[FoundMoment]]:
    """The moments of each unit query (n, d) in its candidate contents, best first, at most k.

    Scores of `spec.ceiling` or more are left out, and near copies of a better moment, by the mean
    of its frames; with `spec.mmr` the others are ranked by `pick_diverse`.
    """
    results: list[list[FoundMoment]] = []
    for start in range(0, len(queries), QUERIES):
        part = slice(start, start + QUERIES)
        found = _cut_candidates(reader, queries[part], candidates[part], spec, durations)
        spans: dict[str, list[tuple[int, int]]] = {}
        for content, first, last in sorted({each.key for some in found for each in some}):
            spans.setdefault(content, []).append((first, last))
        means = reader.read_means(spans)
        results += [_choose_moments(some, means, spec) for some in found]
    return results


def _cut_candidates(
    reader: FrameReader,
    queries: np.ndarray,
    candidates: Sequence[Sequence[str]],
    spec: RetrieveSpec,
    durations: Mapping[str, float],
) -> list[list[FoundMoment]]:
    """The moments of each query below the ceiling, best first, ten times k at most."""
    wanted: dict[str, list[int]] = {}
    for query, contents in enumerate(candidates):
        for content in dict.fromkeys(contents):
            wanted.setdefault(content, []).append(query)
    found: list[list[FoundMoment]] = [[] for _ in candidates]
    for content, seconds, scores in reader.read_curves(queries, wanted):
        for query, curve in zip(wanted[content], scores.T, strict=True):
            moments = cut_moments(
                seconds, curve, smooth_s=spec.smooth, share=spec.cut,
                duration=durations.get(content),
            )  # fmt: skip
            below = [FoundMoment(content, each) for each in moments if each.score < spec.ceiling]
            # After each video: of a day's recording thousands may come.
            found[query] = heapq.nsmallest(
                OVERFETCH * spec.k, found[query] + below, key=lambda each: each.order
            )
    return found


def _choose_moments(
    found: list[FoundMoment], means: Mapping[tuple[str, int, int], np.ndarray], spec: RetrieveSpec
) -> list[FoundMoment]:
    if not found:
        return []
    vectors = np.stack([means[each.key] for each in found])
    enough = spec.k if spec.mmr is None else None
    order = pick_distinct(vectors, spec.dedup, enough)
    if spec.mmr is not None:
        scores = np.array([found[place].moment.score for place in order])
        order = order[pick_diverse(vectors[order], scores, spec.mmr, spec.k)]
    return [found[place] for place in order[: spec.k]]
