"""An opened index: its rows, what they are of, and search by inner product."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from data.errors import UserError
from engines.index import filtered, parameters, scan, version
from engines.index.batches import Batch, check_batches, to_unit
from engines.index.frame_rows import FrameRows, open_rows
from engines.index.rows import Rows

RESCORE_FACTOR = 10  # candidates compared exactly per result requested of a quantised index
BLOCK = 16384


class Index:
    """Row i of the faiss index is the vector of the content `contents[i]`.

    It is opened memory-mapped, and loaded when it is added to.
    """

    def __init__(
        self,
        faiss_index: Any,
        ids: pa.Table | FrameRows,
        about: Mapping[str, Any],
        exact: np.ndarray | None = None,
        path: Path | None = None,
    ) -> None:
        version.check_counts(faiss_index.ntotal, len(ids))
        self.faiss = faiss_index
        self.about = dict(about)
        self._rows: Any = ids if isinstance(ids, FrameRows) else Rows(ids, exact)
        self.frame_rows = ids if isinstance(ids, FrameRows) else None
        self._mapped = path

    def __len__(self) -> int:
        return self.faiss.ntotal

    @property
    def contents(self) -> np.ndarray:
        """The content of each row (n); its id where no content is known."""
        return self._rows.contents

    @property
    def content_column(self) -> pa.ChunkedArray:
        """The same as Arrow has it, to be compared with other columns."""
        return self._rows.column

    @property
    def has_repetitions(self) -> bool:
        """Whether a content has several rows, as in some versions of 0.1.0."""
        return self._rows.count_distinct() < len(self)

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
        search. For a k of all rows, or under a filter, it compares every row, unless the filter
        keeps very many: see `engines.index.filtered`.
        """
        queries = self._check_width(queries)
        if allowed is not None and self._is_probed(len(allowed), k):
            return filtered.search_among(self, queries, k, allowed, effort)
        if allowed is not None or k >= len(self):
            return self.scan(queries, k, allowed=allowed)
        params = parameters.search_parameters(self.faiss, k, effort)
        if self._rows.exact is None:
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
        if self._rows.exact is not None:
            return to_unit(self._rows.exact[rows])
        stored = self.faiss.reconstruct_batch(rows)
        return to_unit(stored) if parameters.is_lossy(self.key) else stored

    def rows(self, contents: Sequence[str]) -> np.ndarray:
        """The row number of each content, -1 for one that is not indexed."""
        return self._rows.find(contents)

    def add(
        self,
        vectors: np.ndarray,
        ids: Sequence[str],
        contents: Sequence[str | None] | None = None,
    ) -> None:
        """Appends (n, d) vectors as the rows after the last."""
        for batch in check_batches([Batch(ids, vectors, contents)]):
            # All checks first: after faiss has the vectors there is no way back.
            more = self._rows.prepare(batch)
            self._load_in_memory().add(self._check_width(batch.vectors))
            self._rows.append(more, batch)

    def save(self, out: Path) -> version.BuiltVersion:
        """Writes a version folder at `out`."""
        with version.atomic_folder(out) as folder:
            self.write(folder)
        return version.describe_version(out)

    def write(self, folder: Path) -> None:
        """Writes the files of a version into a folder that is still being built."""
        import faiss

        faiss.write_index(self.faiss, str(folder / version.INDEX))
        self._rows.write(folder)
        version.write_about(folder, {**self.about, "count": len(self), "dim": self.dim})

    def _is_probed(self, kept: int, k: int) -> bool:
        return bool(self.about.get(filtered.PROBED)) and filtered.is_probed(len(self), kept, k)

    def _check_width(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors (n, d) as faiss takes them; raises for those of another model's width."""
        if vectors.shape[1] != self.dim:
            raise UserError(
                f"vectors have {vectors.shape[1]} dimensions, the index {self.dim}: "
                "use the model that the corpus was embedded with"
            )
        return np.ascontiguousarray(vectors, np.float32)

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
    rows: Any = open_rows(folder, vectors) or version.read_ids(folder)
    return Index(faiss_index, rows, version.read_about(folder), vectors, path)
