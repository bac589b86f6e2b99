"""Queries and their true neighbours: found once, kept with a version, and brought up to date."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engines.index import scan
from engines.index.batches import Batch, check_batches
from engines.index.index import Index

FILE = "ground-truth.parquet"
SLACK = 1e-6  # a tie with the k-th true neighbour counts as found
KEPT = 64  # neighbours of a query; ten count, the others take the place of those withdrawn
MAX_GROWTH = 1.1  # as many vectors as when the queries were drawn: more, and they say too little
NOTHING = ""  # the content of an empty slot, and a text's own


@dataclass(frozen=True, slots=True)
class GroundTruth:
    """Unit queries (n, d), each one's own content or "", and its best contents (n, m) by score.

    `count` is how many vectors there were when the queries were drawn.
    """

    queries: np.ndarray
    own: np.ndarray
    contents: np.ndarray
    scores: np.ndarray
    count: int

    def extend(self, batches: Iterable[Batch]) -> "GroundTruth":
        """The same with more vectors to be found: only these are compared."""
        added: list[str] = []
        numbered = _number_batches(batches, added)
        scores, rows = scan.scan_top_k(numbered, self.queries, self.contents.shape[1])
        found = _take_contents(np.array(added, object), rows)
        best = np.argsort(-np.hstack([self.scores, scores]), axis=1, kind="stable")
        best = best[:, : self.contents.shape[1]]
        contents = np.take_along_axis(np.hstack([self.contents, found]), best, axis=1)
        scores = np.take_along_axis(np.hstack([self.scores, scores]), best, axis=1)
        return replace(self, contents=contents, scores=scores)

    def exclude(self, contents: Collection[str]) -> "GroundTruth":
        """The same without contents that are no longer shown, as neighbours or as queries."""
        gone = set(contents)
        left = np.array([own not in gone for own in self.own], bool)
        barred = np.array([[name in gone for name in row] for row in self.contents], bool)
        barred = barred.reshape(self.contents.shape)
        return GroundTruth(
            self.queries[left], self.own[left],
            np.where(barred, NOTHING, self.contents)[left],
            np.where(barred, -np.inf, self.scores)[left], self.count,
        )  # fmt: skip

    def suffices(self, count: int, k: int = 10) -> bool:
        """Whether it still tells the recall among `count` vectors: else it is to be drawn anew."""
        least = np.isfinite(self.scores).sum(axis=1).min(initial=KEPT)
        return bool(len(self.queries) and least >= min(k, count - 1)
                    and count <= MAX_GROWTH * self.count)  # fmt: skip

    def recall(self, index: Index, k: int = 10, stale: Collection[str] = ()) -> np.ndarray:
        """For each query the share of its k true neighbours that a search finds; ties count.

        `stale` are contents of the index that searches skip. A query's own is never its result:
        nearly any index finds a vector by itself, which would flatter recall@10 by up to 0.1.
        """
        skipped = {NOTHING, *stale}
        fetch = min(k + 1 + min(k, len(stale)), len(index))
        _, rows = index.search(self.queries, fetch)
        names = _take_contents(index.contents, rows)
        shares = np.ones(len(self.queries))
        for n, own in enumerate(self.own):
            # Of a corpus of less than k others, all are to be found.
            true = min(k, int(np.isfinite(self.scores[n]).sum()))
            kept = [i for i, name in enumerate(names[n]) if name not in skipped and name != own]
            if true:
                shares[n] = self._count_hits(index, n, rows[n, kept[:true]], true) / true
        return shares

    def _count_hits(self, index: Index, n: int, rows: np.ndarray, k: int) -> int:
        bar = np.sort(self.scores[n])[-k] - SLACK
        true = set(self.contents[n][self.scores[n] >= bar])
        unknown = np.array([name not in true for name in index.contents[rows]], bool)
        hits = int((~unknown).sum())
        # Ties that go on beyond the contents kept: found ones are compared.
        if unknown.any() and self.scores[n].min() >= bar:
            hits += int((index.vectors(rows[unknown]) @ self.queries[n] >= bar).sum())
        return hits

    def write(self, folder: Path) -> None:
        """Writes it beside an index."""
        columns = {
            "own": self.own, "query": list(self.queries), "scores": list(self.scores),
            "contents": [list(row) for row in self.contents],
        }  # fmt: skip
        table = pa.table(columns).replace_schema_metadata({"count": str(self.count)})
        pq.write_table(table, folder / FILE, compression="zstd")


def find_truth(exact: Index, queries: np.ndarray, own: Sequence[str] | None = None) -> GroundTruth:
    """The true neighbours of unit queries (n, d), by an exact index; `own` if they are stored."""
    scores, rows = exact.search(queries, min(KEPT + 1, len(exact)))
    contents = _take_contents(exact.contents, rows)
    names = np.full(len(queries), NOTHING, object) if own is None else np.array(own, object)
    scores = np.where((rows < 0) | (contents == names[:, None]), -np.inf, scores)
    contents = np.where(np.isfinite(scores), contents, NOTHING)
    best = np.argsort(-scores, axis=1, kind="stable")[:, :KEPT]
    contents, scores = (np.take_along_axis(each, best, axis=1) for each in (contents, scores))
    queries = np.asarray(queries, np.float32)
    # As many slots as there would be in a large corpus: it may become one.
    missing = ((0, 0), (0, KEPT - best.shape[1]))
    contents = np.pad(contents, missing, constant_values=NOTHING)
    scores = np.pad(scores, missing, constant_values=-np.inf)
    return GroundTruth(queries, names, contents, scores, len(exact))


def draw_truth(
    exact: Index, texts: np.ndarray | None, sample: int = 500, seed: int = 1
) -> GroundTruth:
    """The truth of a seeded sample of an exact index's vectors and of as many texts (m, d)."""
    rows = exact.sample(sample, seed)
    own = exact.contents[rows].tolist()
    queries = exact.vectors(rows)
    if texts is not None and len(texts):
        queries = np.vstack([queries, np.asarray(texts[:sample], np.float32)])
        own += [NOTHING] * (len(queries) - len(own))
    return find_truth(exact, queries, own)


def read_truth(folder: Path) -> GroundTruth | None:
    """The truth that was written beside an index; None for one of an older reelflow."""
    if not (folder / FILE).exists():
        return None
    table = pq.read_table(folder / FILE)
    own, contents = (np.array(table.column(n).to_pylist(), object) for n in ("own", "contents"))
    queries, scores = (
        table.column(name).combine_chunks().flatten().to_numpy().reshape(len(table), -1)
        for name in ("query", "scores")
    )
    return GroundTruth(queries, own, contents, scores, int(table.schema.metadata[b"count"]))


def _number_batches(batches: Iterable[Batch], contents: list[str]) -> scan.Blocks:
    """Vectors with numbers that count from 0; `contents` gets the content of each."""
    for ids, vectors, known in check_batches(batches):
        first = len(contents)
        names = ids if known is None else known
        contents += [name or id for name, id in zip(names, ids, strict=True)]
        yield np.arange(first, len(contents)), vectors


def _take_contents(contents: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The contents (n, k) of rows, "" for -1."""
    if not len(contents):
        return np.full(rows.shape, NOTHING, object)
    return np.where(rows < 0, NOTHING, contents[rows].astype(object))
