"""A copy of the catalogue that nobody writes to: any number of threads read it, and wait for none.

The catalogue itself is one process's at a time. A page that people look at all day takes a copy,
and another one once the catalogue has changed.
"""

import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from data.catalog.connection import MEMORY_LIMIT
from data.catalog.database import LOCK_REASON, Catalog
from data.catalog.filters import (
    READ_ONLY_CONFIG,
    add_source_columns,
    apply_conditions,
    keep_listed,
)
from data.catalog.key_rows import KeyRows
from data.store.lock import hold_lock
from data.store.temporary import TemporaryFolder

ROW = "row_number"  # of a video in the order of its sources, from 0
KEYS = ("id", "content")  # by which single videos are looked up


class Snapshot:
    """The copy, with a table for each corpus that has its videos and their sources' columns.

    Conditions on a million videos take milliseconds on such a table, and a page of it no longer.
    """

    def __init__(self, catalog: Path, corpora: Sequence[str], wait_s: float) -> None:
        self._folder = TemporaryFolder()
        self.path = Path(self._folder.name) / "catalog.duckdb"
        with hold_lock(catalog.with_suffix(".lock"), LOCK_REASON, wait_s):
            shutil.copyfile(catalog, self.path)
        self._tables = {corpus: f"wide_{number}" for number, corpus in enumerate(corpora)}
        self._keys: dict[tuple[str, str], KeyRows] = {}
        self._write_tables()
        self._connection = duckdb.connect(str(self.path), read_only=True, config=READ_ONLY_CONFIG)
        self._lock = threading.Lock()

    def open(self) -> duckdb.DuckDBPyConnection:
        """A connection of the caller's own, for one thread."""
        with self._lock:
            return self._connection.cursor()

    @contextmanager
    def open_catalog(self) -> Iterator[Catalog]:
        """The copy as a catalogue, which merges nothing."""
        with self.open() as connection:
            yield Catalog(connection, frozen=True)

    @contextmanager
    def select_videos(
        self, corpus: str, wheres: Sequence[str], contents: Sequence[str] | None = None,
        ids: Sequence[str] | None = None,
    ) -> Iterator[duckdb.DuckDBPyRelation]:  # fmt: skip
        """As `data.catalog.filters.select_videos`, in no particular order."""
        with self.select_rows(corpus, wheres) as (connection, rows):
            kept = keep_listed(connection, rows, content=contents, id=ids)
            yield kept.select(duckdb.StarExpression(exclude=[ROW]))

    @contextmanager
    def select_rows(
        self, corpus: str, wheres: Sequence[str] = ()
    ) -> Iterator[tuple[duckdb.DuckDBPyConnection, duckdb.DuckDBPyRelation]]:
        """The same with the column `ROW`, and the connection that it is of."""
        with self.open() as connection:
            table = connection.table(self._tables[corpus])
            with apply_conditions(connection, table, wheres) as rows:
                yield connection, rows

    def has(self, corpus: str) -> bool:
        """Whether the copy has the corpus."""
        return corpus in self._tables

    def find_candidates(
        self, connection: duckdb.DuckDBPyConnection, corpus: str, key: str, wanted: Sequence[str]
    ) -> np.ndarray:
        """The row numbers of all videos whose `key` is one of these, and perhaps of others."""
        return self._keys[corpus, key].find_candidates(connection, wanted)

    def read_rows(self, corpus: str, numbers: Sequence[int]) -> list[dict[str, Any]]:
        """The videos of a few row numbers, with `ROW`, in no particular order."""
        statement = (
            f"SELECT * FROM {self._tables[corpus]}"  # noqa: S608 (a name of our own)
            f" SEMI JOIN (SELECT unnest($numbers)::INTEGER AS {ROW}) USING ({ROW})"
        )
        with self.open() as connection:
            found = connection.execute(statement, {"numbers": list(numbers)})
            names = [each[0] for each in found.description or ()]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def _write_tables(self) -> None:
        config: dict[str, Any] = {
            "memory_limit": MEMORY_LIMIT,
            "temp_directory": f"{self._folder.name}/spill",
        }
        with duckdb.connect(str(self.path), config=config) as connection:
            for corpus, table in self._tables.items():
                wide = add_source_columns(connection, corpus, "ordered_videos")
                numbered = wide.select(
                    duckdb.StarExpression(),
                    duckdb.SQLExpression("(row_number() OVER () - 1)::INTEGER").alias(ROW),
                )
                numbered.create(table)
                for key in KEYS:
                    self._keys[corpus, key] = KeyRows(connection, table, key, ROW)
