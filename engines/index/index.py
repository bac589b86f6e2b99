"""An opened index: its rows, their ids, and search by inner product."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data.errors import UserError
from engines.index import parameters, scan, version
from engines.index.batches import Batch, check_batches, to_unit, write_halves

MAX_SCANNED = 50_000  # rows that a filter may leave for a full scan: 0.1 s for 50,000 x 512
RESCORE_FACTOR = 10  # candidates compared exactly per result requested of a quantised index
BLOCK = 16384


class Index:
    """Row i of the faiss index belongs to `ids[i]`; opened memory-mapped, loaded when added to."""

    def __init__(
        self,
        faiss_index: Any,
        ids: pa.Table,
        about: Mapping[str, Any],
        exact: np.ndarray | None = None,
        path: Path | None = None,
    ) -> None:
        version.check_counts(faiss_index.ntotal, len(ids))
        self.faiss = faiss_index
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
        search. For a k of all rows, or a narrow filter, it compares every row.
        """
        queries = self._check_width(queries)
        among = len(self) if allowed is None else len(allowed)
        # A graph or list search under a narrow filter mostly walks through barred rows.
        if k >= among or (allowed is not None and among <= max(MAX_SCANNED, len(self) // 50)):
            return self.scan(queries, k, allowed=allowed)
        params = parameters.search_parameters(self.faiss, k, effort, allowed)
        if self._exact is None:
            return scan.mask_unfilled(*self.faiss.search(queries, k, params=params))
        # Scores of a quantised index are approximate; thresholds downstream need exact ones.
        _, rows = self.faiss.search(queries, min(RESCORE_FACTOR * k, len(self)), params=params)
        return self._rescore_rows(queries, rows, k)

    def scan(
        self, queries: np.ndarray, k: int, *, allowed: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The result of an exact `search`: every row, or every allowed one, is compared."""
        return scan.scan_top_k(self._read_blocks(allowed), self._check_width(queries), k)

    def vectors(self, rows: np.ndarray) -> np.ndarray:
        """The unit vectors (m, d) of row numbers; exact if the folder has exact ones."""
        rows = np.asarray(rows, np.int64)
        if not len(rows):
            return np.empty((0, self.dim), np.float32)
        if self._exact is not None:
            return to_unit(self._exact[rows])
        stored = self.faiss.reconstruct_batch(rows)
        return to_unit(stored) if parameters.is_lossy(self.key) else stored

    def rows(self, ids: Sequence[str]) -> np.ndarray:
        """The row number of each id, -1 for one that is not indexed."""
        column = self._table.column("video_id")
        numbers = pc.index_in(pa.array(ids, column.type), value_set=column)
        return numbers.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)

    def add(
        self,
        vectors: np.ndarray,
        ids: Sequence[str],
        contents: Sequence[str | None] | None = None,
    ) -> None:
        """Appends (n, d) vectors as the rows after the last."""
        for batch in check_batches([Batch(ids, vectors, contents)]):
            gathered = version.Ids()
            gathered.add(batch.ids, batch.contents)
            more = gathered.table(first=len(self)).cast(self._table.schema)
            table = pa.concat_tables([self._table, more])
            # All checks first: after faiss has the vectors there is no way back.
            version.check_unique(table.column("video_id"))
            self._load_in_memory().add(self._check_width(batch.vectors))
            self._append_rows(table, batch)

    def save(self, out: Path) -> version.BuiltVersion:
        """Writes a version folder at `out`."""
        with version.atomic_folder(out) as folder:
            self.write(folder)
        return version.describe_version(out)

    def write(self, folder: Path) -> None:
        """Writes the files of a version into a folder that is still being built."""
        import faiss

        faiss.write_index(self.faiss, str(folder / version.INDEX))
        version.write_ids(folder, self._table)
        if self._exact is not None:
            write_halves(self._exact, folder / version.VECTORS)
        version.write_about(folder, {**self.about, "count": len(self), "dim": self.dim})

    def _check_width(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors (n, d) as faiss takes them; raises for those of another model's width."""
        if vectors.shape[1] != self.dim:
            raise UserError(
                f"vectors have {vectors.shape[1]} dimensions, the index {self.dim}: "
                "use the model that the corpus was embedded with"
            )
        return np.ascontiguousarray(vectors, np.float32)

    def _append_rows(self, table: pa.Table, batch: Batch) -> None:
        self._table = table
        more = np.array(list(batch.ids), dtype=self.ids.dtype)
        self.ids = np.concatenate([self.ids, more])
        if self._exact is not None:
            self._exact = np.vstack([self._exact, batch.vectors.astype(self._exact.dtype)])

    def _load_in_memory(self) -> Any:
        """The faiss index in memory: one that is memory-mapped aborts the process when added to."""
        import faiss

        if self._mapped is not None:
            self.faiss = faiss.read_index(str(self._mapped))
            self._mapped = None
        return self.faiss

    def _read_blocks(self, allowed: np.ndarray | None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        rows = np.arange(len(self)) if allowed is None else np.asarray(allowed, np.int64)
        for first in range(0, len(rows), BLOCK):
            block = rows[first : first + BLOCK]
            yield block, self.vectors(block)

    def _rescore_rows(
        self, queries: np.ndarray, rows: np.ndarray, k: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """The k best of each query's candidate rows by their exact vectors."""
        results = [
            scan.scan_top_k([(filled, self.vectors(filled))], query[None], k)
            for query, candidates in zip(queries, rows, strict=True)
            for filled in [candidates[candidates >= 0]]
        ]
        return np.vstack([scores for scores, _ in results]), np.vstack(
            [best for _, best in results]
        )


def open_index(folder: Path) -> Index:
    """The version in `folder`, memory-mapped; raises unless index and ids have as many rows."""
    import faiss

    path, exact = version.require_file(folder / version.INDEX), folder / version.VECTORS
    try:
        faiss_index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except RuntimeError as error:
        raise UserError(f"{path} cannot be read: {version.REBUILD}") from error
    vectors = np.load(exact, mmap_mode="r") if exact.exists() else None
    ids, about = version.read_ids(folder), version.read_about(folder)
    return Index(faiss_index, ids, about, vectors, path)
