"""The rows of an index: whose they are, and their exact vectors where it keeps some."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data.errors import UserError
from engines.index import version
from engines.index.batches import CHUNK, Batch
from engines.index.exact_vectors import ExactVectors


class Rows:
    """Row i of an index is of the content `contents[i]`, or of the id where none is known.

    Rows that are appended are joined to the others when these are read next: once, however many
    batches came.
    """

    def __init__(self, table: pa.Table, exact: np.ndarray | None) -> None:
        self._tables, self._size = [table], len(table)
        self._exact = ExactVectors(exact)
        self._contents: np.ndarray | None = None
        self._known: set[str] | None = None

    def __len__(self) -> int:
        return self._size

    @property
    def table(self) -> pa.Table:
        """Columns row, video_id and content."""
        if len(self._tables) > 1:
            self._tables = [pa.concat_tables(self._tables)]
        return self._tables[0]

    @property
    def exact(self) -> np.ndarray | None:
        """The vectors (n, d) in half precision, beside an index that keeps approximate ones."""
        return self._exact.join_parts()

    @property
    def contents(self) -> np.ndarray:
        """The content of each row (n); its id where none is known."""
        if self._contents is None:
            filled, first = np.empty(len(self), np.dtypes.StringDType()), 0
            # Piece by piece: ten million Python strings would take a gigabyte on the way.
            for some in pa.table({"content": self.column}).to_batches(max_chunksize=CHUNK):
                filled[first : first + len(some)] = some.column(0).to_pylist()
                first += len(some)
            self._contents = filled
        return self._contents

    @property
    def column(self) -> pa.ChunkedArray:
        """The same as Arrow has it."""
        return version.read_contents(self.table)

    def find(self, contents: Sequence[str]) -> np.ndarray:
        """The row number of each content (or id, where no content is known), -1 for none."""
        column = self.column
        numbers = pc.index_in(pa.array(contents, column.type), value_set=column)
        return numbers.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)

    def count_distinct(self) -> int:
        """How many contents the rows are of; fewer than rows in some versions of 0.1.0."""
        return pc.count_distinct(version.read_contents(self.table)).as_py()

    def write(self, folder: Path) -> None:
        """Writes the rows into a version's folder."""
        version.write_ids(folder, self.table)
        self._exact.write(folder)

    def prepare(self, batch: Batch) -> pa.Table:
        """The batch as rows after the last; raises for a content that is there already."""
        gathered = version.Ids()
        gathered.add(batch.ids, batch.contents)
        more = gathered.table(first=len(self)).cast(self._tables[0].schema)
        if self._known is None:  # once: looking up in the table reads all of it for each batch
            self._known = set(version.read_contents(self.table).to_pylist())
        new = version.read_contents(more).to_pylist()
        if twice := self._known.intersection(new):
            raise UserError(f"{min(twice)!r} is in the index already: add each content once")
        return more

    def append(self, more: pa.Table, batch: Batch) -> None:
        """Appends what `prepare` gave, and the vectors of its batch."""
        self._tables.append(more)
        self._size += len(more)
        self._contents = None
        assert self._known is not None  # `prepare` made it
        self._known.update(version.read_contents(more).to_pylist())
        self._exact.append(batch.vectors)
