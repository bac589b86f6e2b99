"""The k best videos for each query: a ceiling, no near copies, no self, and never fewer quietly."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from engines.index.batches import unit
from engines.retrieve.dedup import distinct
from engines.retrieve.mmr import diverse

TEXT_CEILING, TEXT_DEDUP = 1.01, 0.98
VIDEO_CEILING, VIDEO_DEDUP = 0.99, 0.94
OVERFETCH = 10
MOST = 16384  # candidates a query: comparing them among themselves grows with the square


class Searchable(Protocol):
    """What a search asks of an index: see `engines.index.index.Index`."""

    ids: np.ndarray

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
    """A video found: `rank` counts from 1, `score` is the cosine similarity."""

    rank: int
    row: int
    video_id: str
    score: float


@dataclass(frozen=True, slots=True)
class Found:
    """What one query found; `short_by` is how many fewer than were asked for."""

    neighbours: tuple[Neighbour, ...]
    short_by: int


@dataclass(frozen=True, slots=True)
class _Rules:
    k: int
    ceiling: float
    dedup: float | None
    mmr: float | None


def search(
    index: Searchable,
    queries: np.ndarray,
    k: int,
    *,
    ceiling: float = TEXT_CEILING,
    dedup: float | None = TEXT_DEDUP,
    mmr: float | None = None,
    exclude: Sequence[str | None] | None = None,
    allowed: np.ndarray | Sequence[int] | None = None,
) -> list[Found]:
    """One answer per query (n, d), in their order.

    Candidates, ten times k at first, lose unfilled slots, what scores `ceiling` or more, the id in
    `exclude`, and near copies above `dedup`; where fewer than k are left twice as many are fetched,
    until there are no more (or 16,384). What is left is ranked by score, or by `diverse` with
    `mmr` as the weight of the score. `allowed` are the row numbers to choose among, -1 for none.
    """
    queries = _normalised(queries)
    if k < 1:
        raise ValueError(f"k is {k}: ask for at least one")
    rows = None if allowed is None else _rows(allowed, len(index))
    barred = [None] * len(queries) if exclude is None else list(exclude)
    if len(barred) != len(queries):
        raise ValueError(f"{len(queries)} queries came with {len(barred)} ids to exclude")
    return _fill(index, queries, _Rules(k, ceiling, dedup, mmr), barred, rows)


def _fill(
    index: Searchable,
    queries: np.ndarray,
    rules: _Rules,
    barred: Sequence[str | None],
    allowed: np.ndarray | None,
) -> list[Found]:
    """Fetches twice as many for the queries that are short, until none is or nothing is left."""
    there = len(index) if allowed is None else len(allowed)
    first = OVERFETCH * rules.k
    most = min(there, max(first, MOST))
    answers: list[Found] = [Found((), rules.k)] * len(queries)
    short, effort = np.arange(len(queries)), 1
    while short.size and there:
        fetch = min(first * effort, most)
        _, rows = index.search(queries[short], fetch, allowed=allowed, effort=effort)
        for query, line in zip(short, rows, strict=True):
            answers[query] = _answer(index, queries[query], line, rules, barred[int(query)])
        if fetch >= most:
            break
        short = np.array([query for query in short if answers[query].short_by], dtype=np.int64)
        effort *= 2
    return answers


def _answer(
    index: Searchable, query: np.ndarray, line: np.ndarray, rules: _Rules, barred: str | None
) -> Found:
    """What the rules leave of one query's candidate rows, best first, equals by id."""
    rows = line[line >= 0]
    vectors, ids = unit(index.vectors(rows)), index.ids[rows]
    scores = _scores(vectors, query)
    with np.errstate(invalid="ignore"):
        fits = scores < rules.ceiling
    kept = np.flatnonzero(fits if barred is None else fits & (ids != barred))
    order = kept[np.lexsort((np.array(ids[kept].tolist(), dtype=object), -scores[kept]))]
    if rules.dedup is not None:
        enough = rules.k if rules.mmr is None else None
        order = order[distinct(vectors[order], rules.dedup, enough)]
    if rules.mmr is not None:
        order = order[diverse(vectors[order], scores[order], rules.mmr, rules.k)]
    found = tuple(
        Neighbour(rank, int(rows[at]), str(ids[at]), float(scores[at]))
        for rank, at in enumerate(order[: rules.k], start=1)
    )
    return Found(found, rules.k - len(found))


def _scores(vectors: np.ndarray, query: np.ndarray) -> np.ndarray:
    """Inner products (n) float32 that depend on the two vectors alone.

    A matrix product rounds by the shape of its operands, which would order ties by chance and
    differently in an exact and an approximate index.
    """
    wide = vectors.astype(np.float64) * query.astype(np.float64)
    return wide.sum(axis=1).astype(np.float32)


def _normalised(queries: np.ndarray) -> np.ndarray:
    """Unit queries; one without a direction raises."""
    scaled = unit(queries)
    bad = np.flatnonzero(~np.isfinite(scaled).all(axis=1))
    if bad.size:
        raise ValueError(f"query {bad[0]} is zero or not finite")
    return scaled


def _rows(allowed: np.ndarray | Sequence[int], count: int) -> np.ndarray:
    """Row numbers in order, each once; -1 stands for an id that is not indexed and is left out."""
    rows = np.unique(np.asarray(allowed, dtype=np.int64))
    if rows.size and rows[-1] >= count:
        raise ValueError(f"row {rows[-1]} is allowed, of an index of {count} rows")
    return rows[rows >= 0]
