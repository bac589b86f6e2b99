"""Finds the k best videos for each query, without near copies and without the query itself."""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from engines.index.batches import to_unit
from engines.retrieve.dedup import pick_distinct
from engines.retrieve.mmr import pick_diverse

# RAGME's thresholds (arXiv 2504.06672; ragme.md, sections 2.5 and 2.6).
TEXT_CEILING, TEXT_DEDUP = 1.01, 0.98
VIDEO_CEILING, VIDEO_DEDUP = 0.99, 0.94
OVERFETCH = 10
MAX_CANDIDATES = 16384  # per query: comparing them among themselves grows with the square


Barred = str | Set[str] | None  # the content, or contents, that a query must not find


class Searchable(Protocol):
    """The part of an index that a search needs: see `engines.index.index.Index`."""

    @property
    def contents(self) -> np.ndarray:
        """The content of each row (n)."""
        ...

    def __len__(self) -> int: ...

    def search(
        self, queries: np.ndarray, k: int, *, allowed: np.ndarray | None = None, effort: int = 1
    ) -> tuple[np.ndarray, np.ndarray]:
        """Scores and rows (n, k), -1 unfilled."""
        ...

    def vectors(self, rows: np.ndarray) -> np.ndarray:
        """The vectors (m, d) of row numbers."""
        ...


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A retrieved content: `rank` counts from 1, `score` is the cosine similarity."""

    rank: int
    row: int
    content: str
    score: float
    excluded: int = 0  # better rows that were barred from this query's results


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The neighbours of one query; `short_by` is how many fewer they are than requested."""

    neighbours: tuple[Neighbour, ...]
    short_by: int


@dataclass(frozen=True, slots=True)
class _Rules:
    k: int
    ceiling: float
    dedup: float | None
    mmr: float | None
    hidden: np.ndarray


def search_index(
    index: Searchable,
    queries: np.ndarray,
    k: int,
    *,
    ceiling: float = TEXT_CEILING,
    dedup: float | None = TEXT_DEDUP,
    mmr: float | None = None,
    exclude: Sequence[Barred] | None = None,
    allowed: np.ndarray | Sequence[int] | None = None,
    hidden: np.ndarray | None = None,
) -> list[SearchResult]:
    """One result per query (n, d), in their order.

    Candidates, ten times k at first, lose unfilled slots, scores of `ceiling` or more, the contents
    in `exclude`, and near copies above `dedup`; if fewer than k are left twice as many are fetched,
    until there are no more (or 16,384). The rest is ranked by score, or by `pick_diverse` with
    `mmr` as the weight of the score. `allowed` are the row numbers to choose among, -1 for none;
    `hidden` are a few rows that are never results.
    """
    queries = _check_queries(queries)
    if k < 1:
        raise ValueError(f"k is {k}, but must be at least 1")
    rows = None if allowed is None else _check_rows(allowed, len(index))
    barred = [None] * len(queries) if exclude is None else list(exclude)
    if len(barred) != len(queries):
        raise ValueError(f"{len(queries)} queries came with {len(barred)} contents to exclude")
    rules = _Rules(k, ceiling, dedup, mmr, np.array([], np.int64) if hidden is None else hidden)
    return _fill_results(index, queries, rules, barred, rows)


def _fill_results(
    index: Searchable,
    queries: np.ndarray,
    rules: _Rules,
    barred: Sequence[Barred],
    allowed: np.ndarray | None,
) -> list[SearchResult]:
    """Fetches twice as many for the queries that are short, until none is or nothing is left."""
    total = len(index) if allowed is None else len(allowed)
    first = OVERFETCH * rules.k
    most = min(total, max(first, MAX_CANDIDATES))
    results: list[SearchResult] = [SearchResult((), rules.k)] * len(queries)
    short, effort = np.arange(len(queries)), 1
    while short.size and total:
        fetch = min(first * effort, most)
        # The effort grows too: an approximate index misses rows that a broader search finds.
        _, rows = index.search(queries[short], fetch, allowed=allowed, effort=effort)
        for query, candidates in zip(short, rows, strict=True):
            results[query] = _rank_candidates(
                index, queries[query], candidates, rules, barred[int(query)]
            )
        if fetch >= most:
            break
        short = np.array([query for query in short if results[query].short_by], dtype=np.int64)
        effort *= 2
    return results


def _rank_candidates(
    index: Searchable, query: np.ndarray, candidates: np.ndarray, rules: _Rules, barred: Barred
) -> SearchResult:
    """One query's candidate rows that pass the rules, best first, equals by content."""
    rows = candidates[(candidates >= 0) & ~np.isin(candidates, rules.hidden)]
    vectors, contents = to_unit(index.vectors(rows)), index.contents[rows]
    scores = _score_rows(vectors, query)
    with np.errstate(invalid="ignore"):  # a NaN vector is below no ceiling, and so goes
        fits = scores < rules.ceiling
    own = match_contents(contents, barred)
    passed = np.flatnonzero(fits & ~own)
    order = passed[_sort_best(scores[passed], contents[passed])]
    if rules.dedup is not None:
        # MMR chooses among all distinct candidates; otherwise the first k are enough.
        enough = rules.k if rules.mmr is None else None
        order = order[pick_distinct(vectors[order], rules.dedup, enough)]
    if rules.mmr is not None:
        order = order[pick_diverse(vectors[order], scores[order], rules.mmr, rules.k)]
    own_scores = scores[own]
    neighbours = tuple(
        Neighbour(
            rank, int(rows[at]), str(contents[at]), float(scores[at]),
            int(np.count_nonzero(own_scores > scores[at])),
        )
        for rank, at in enumerate(order[: rules.k], start=1)
    )  # fmt: skip
    return SearchResult(neighbours, rules.k - len(neighbours))


def _sort_best(scores: np.ndarray, contents: np.ndarray) -> np.ndarray:
    """Positions by falling score, equals by content."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    if not (ranked[1:] == ranked[:-1]).any():  # sorting strings costs more than all the rest
        return order
    return np.lexsort((np.array(contents.tolist(), dtype=object), -scores))


def match_contents(contents: np.ndarray, barred: Barred) -> np.ndarray:
    """Whether each of contents (n) is barred."""
    if barred is None or isinstance(barred, str):
        return np.asarray(contents == barred) if barred else np.zeros(len(contents), bool)
    return np.array([content in barred for content in contents], bool)


def _score_rows(vectors: np.ndarray, query: np.ndarray) -> np.ndarray:
    """Inner products (n) float32 that depend on the two vectors alone.

    A matrix product rounds by the shape of its operands, which would order ties by chance and
    differently in an exact and an approximate index.
    """
    wide = vectors.astype(np.float64) * query.astype(np.float64)
    return wide.sum(axis=1).astype(np.float32)


def _check_queries(queries: np.ndarray) -> np.ndarray:
    """Unit queries; raises for one that is zero or not finite."""
    scaled = to_unit(queries)
    bad = np.flatnonzero(~np.isfinite(scaled).all(axis=1))
    if bad.size:
        raise ValueError(f"query {bad[0]} is zero or not finite")
    return scaled


def _check_rows(allowed: np.ndarray | Sequence[int], count: int) -> np.ndarray:
    """Row numbers in order, each once; -1, for what is not indexed, is left out."""
    rows = np.unique(np.asarray(allowed, dtype=np.int64))
    if rows.size and rows[-1] >= count:
        raise ValueError(f"allowed row {rows[-1]} is not in an index of {count} rows")
    return rows[rows >= 0]
