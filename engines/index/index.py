"""An index as opened: rows, their ids, and search by inner product."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data.errors import UserError
from engines.index import parameters, scan, version
from engines.index.batches import Batch, checked, halves, unit

SCANNED = 50_000  # rows a filter may leave and still be compared one by one: 0.1 s for 50,000 x 512
RESCORED = 10  # candidates compared exactly per result asked of a quantised index
BLOCK = 16384


class Index:
    """Row i of the faiss index belongs to `ids[i]`; opened memory-mapped, loaded when added to."""

    def __init__(
        self,
        found: Any,
        ids: pa.Table,
        about: Mapping[str, Any],
        exact: np.ndarray | None = None,
        path: Path | None = None,
    ) -> None:
        version.check_counts(found.ntotal, len(ids))
        self.faiss = found
        self.about = dict(about)
        self.ids = np.array(ids.column("video_id").to_pylist(), dtype=np.dtypes.StringDType())
        self._table = ids
        self._exact = exact
        self._mapped = path

    def __len__(self) -> int:
        return self.faiss.ntotal

    @property
    def dim(self) -> int:
        """The width of its vectors."""
        return self.faiss.d

    @property
    def key(self) -> str:
        """The faiss key it was built by."""
        return self.about["key"]

    def sample(self, size: int, seed: int) -> np.ndarray:
        """Row numbers (m) drawn at random by a seed, in rising order."""
        size = min(size, len(self))
        return np.sort(np.random.default_rng(seed).choice(len(self), size, replace=False))

    def search(
        self,
        queries: np.ndarray,
        k: int,
        *,
        allowed: np.ndarray | None = None,
        effort: int = 1,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Scores (n, k) float32 and rows (n, k) int64, -1 unfilled, for unit queries (n, d).

        `allowed` are the row numbers to choose among; `effort` multiplies the breadth of the
        search. Asked for all there is, or filtered to few, it compares one by one.
        """
        queries = self._fitting(queries)
        among = len(self) if allowed is None else len(allowed)
        if k >= among or (allowed is not None and among <= max(SCANNED, len(self) // 50)):
            return self.scan(queries, k, allowed=allowed)
        chosen = parameters.for_search(self.faiss, k, effort, allowed)
        if self._exact is None:
            return scan.clean(*self.faiss.search(queries, k, params=chosen))
        _, rows = self.faiss.search(queries, min(RESCORED * k, len(self)), params=chosen)
        return self._rescored(queries, rows, k)

    def scan(
        self, queries: np.ndarray, k: int, *, allowed: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """What `search` gives, by comparing every row (or every allowed one)."""
        return scan.top(self._blocks(allowed), self._fitting(queries), k)

    def vectors(self, rows: np.ndarray) -> np.ndarray:
        """The vectors (m, d) of row numbers, unit length; exact where the folder has them."""
        rows = np.asarray(rows, np.int64)
        if not len(rows):
            return np.empty((0, self.dim), np.float32)
        if self._exact is not None:
            return unit(self._exact[rows])
        stored = self.faiss.reconstruct_batch(rows)
        return unit(stored) if parameters.lossy(self.key) else stored

    def rows(self, ids: Sequence[str]) -> np.ndarray:
        """The row number of each id, -1 for one that is not indexed."""
        column = self._table.column("video_id")
        places = pc.index_in(pa.array(ids, column.type), value_set=column)
        return places.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)

    def add(
        self,
        vectors: np.ndarray,
        ids: Sequence[str],
        contents: Sequence[str | None] | None = None,
    ) -> None:
        """Appends (n, d) vectors as the rows after the last."""
        for batch in checked([Batch(ids, vectors, contents)]):
            gathered = version.Ids()
            gathered.add(batch.ids, batch.contents)
            more = gathered.table(first=len(self)).cast(self._table.schema)
            grown = pa.concat_tables([self._table, more])
            version.refuse_repeats(grown.column("video_id"))
            self._loaded().add(self._fitting(batch.vectors))
            self._adopt(grown, batch)

    def save(self, out: Path) -> version.Built:
        """Writes a version folder at `out`."""
        with version.building(out) as folder:
            self.write(folder)
        return version.described(out)

    def write(self, folder: Path) -> None:
        """Writes the files of a version into a folder that is still being built."""
        import faiss

        faiss.write_index(self.faiss, str(folder / version.INDEX))
        version.write_ids(folder, self._table)
        if self._exact is not None:
            halves(self._exact, folder / version.VECTORS)
        version.write_about(folder, {**self.about, "count": len(self), "dim": self.dim})

    def _fitting(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors (n, d) as faiss takes them; those of another model's width raise."""
        if vectors.shape[1] != self.dim:
            raise UserError(
                f"vectors have {vectors.shape[1]} dimensions, the index {self.dim}: "
                "use the model that the corpus was embedded with"
            )
        return np.ascontiguousarray(vectors, np.float32)

    def _adopt(self, grown: pa.Table, batch: Batch) -> None:
        self._table = grown
        named = np.array(list(batch.ids), dtype=self.ids.dtype)
        self.ids = np.concatenate([self.ids, named])
        if self._exact is not None:
            self._exact = np.vstack([self._exact, batch.vectors.astype(self._exact.dtype)])

    def _loaded(self) -> Any:
        """The faiss index in memory: one that is memory-mapped aborts the process when added to."""
        import faiss

        if self._mapped is not None:
            self.faiss = faiss.read_index(str(self._mapped))
            self._mapped = None
        return self.faiss

    def _blocks(self, allowed: np.ndarray | None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        rows = np.arange(len(self)) if allowed is None else np.asarray(allowed, np.int64)
        for first in range(0, len(rows), BLOCK):
            some = rows[first : first + BLOCK]
            yield some, self.vectors(some)

    def _rescored(
        self, queries: np.ndarray, rows: np.ndarray, k: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """The k best of the candidate rows by their exact vectors."""
        each = [
            scan.top([(some, self.vectors(some))], query[None], k)
            for query, line in zip(queries, rows, strict=True)
            for some in [line[line >= 0]]
        ]
        return np.vstack([scores for scores, _ in each]), np.vstack([found for _, found in each])


def open(folder: Path) -> Index:
    """The version in `folder`, memory-mapped; raises unless index and ids have as many rows."""
    import faiss

    path, exact = version.there(folder / version.INDEX), folder / version.VECTORS
    try:
        found = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except RuntimeError as error:
        raise UserError(f"{path} cannot be read: {version.REBUILD}") from error
    kept = np.load(exact, mmap_mode="r") if exact.exists() else None
    return Index(found, version.read_ids(folder), version.read_about(folder), kept, path)
