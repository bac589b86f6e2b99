"""The catalogue's file: a DuckDB index of the store, which can always be rebuilt from it."""

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from data.catalog.connection import attach_file
from data.errors import UserError
from data.store import layout
from data.store.disk_errors import disk_full_error
from data.store.lock import hold_lock
from data.store.storage import Store
from data.store.temporary import TemporaryFolder

MIN_FILE_BYTES = 3 * 4096  # every DuckDB file begins with so many bytes
LOCK_REASON = "has the catalogue open"


def load_sql(name: str) -> str:
    """The text of `data/catalog/sql/<name>.sql`."""
    return resources.files("data.catalog").joinpath("sql", f"{name}.sql").read_text()


class Catalog:
    """An open catalogue; one process at a time can have it open, so keep that short.

    A `frozen` one is a copy that is read only: it has what was merged when it was taken.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, frozen: bool = False) -> None:
        self._connection, self.frozen = connection, frozen

    def execute(self, text: str, **values: Any) -> list[tuple]:
        """The rows of a statement, as tuples; values only ever enter it as parameters."""
        # DuckDB rejects values that a statement does not name; callers pass one set to several.
        named = {key: value for key, value in values.items() if f"${key}" in text}
        return self._connection.execute(text, named).fetchall()

    def query_rows(self, text: str, **values: Any) -> list[dict[str, Any]]:
        """The rows of a query, each as a dict by column."""
        return self.query_table(text, **values).to_pylist()

    def query_table(self, text: str, **values: Any) -> pa.Table:
        """The rows of a query as an Arrow table: for many rows, where Python objects are large."""
        return self._connection.sql(text, params=values).to_arrow_table()

    def stream(self, text: str, size: int, **values: Any) -> Iterator[list[tuple]]:
        """The rows of a query, `size` at a time.

        They come from a cursor of their own, so that other statements can run meanwhile.
        """
        [[name]] = self.execute("SELECT current_database()")
        cursor = self._connection.cursor()
        cursor.execute(f'USE "{name}"')
        cursor.execute(text, values)
        while batch := cursor.fetchmany(size):
            yield batch

    def read_batches(self, text: str, size: int, **values: Any) -> Iterator[pa.RecordBatch]:
        """The rows of a query as Arrow has them, `size` at a time, from temporary tables as well.

        Other statements have to wait until all are read.
        """
        yield from self._connection.sql(text, params=values).to_arrow_reader(size)

    def insert(self, table: str, incoming: pa.Table) -> None:
        """Adds the rows of an Arrow table to a table of the catalogue, by column names."""
        self.register(incoming)
        self._connection.execute(f"INSERT INTO {table} BY NAME FROM incoming")

    def register(self, incoming: pa.Table) -> None:
        """Makes an Arrow table available to statements as `incoming`."""
        self._connection.register("incoming", incoming)

    def clear(self) -> None:
        """Empties every table, as of a catalogue that has merged nothing yet."""
        tables = self.execute("SELECT table_name FROM duckdb_tables() WHERE NOT internal")
        with self.transaction():
            for (table,) in tables:
                if table != "migrations":
                    self._connection.execute(f'DELETE FROM "{table}"')  # noqa: S608

    @contextmanager
    def relax_insertion_order(self) -> Iterator[None]:
        """Lets the block insert rows in any order, which halves the time it takes."""
        self._connection.execute("SET preserve_insertion_order = false")
        try:
            yield
        finally:
            self._connection.execute("SET preserve_insertion_order = true")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commits what the block does, or nothing of it if it raises."""
        self._connection.begin()
        try:
            yield
        except BaseException:
            self._connection.rollback()
            raise
        self._connection.commit()


def catalog_path(store: Store, setting: str | None) -> Path:
    """The catalogue's path: the setting, else a local store's root, else this user's cache."""
    if setting:
        return Path(setting)
    if store.is_local:
        return store.local_path(layout.CATALOG)
    # A remote store's catalogue is this machine's own: DuckDB needs a local file.
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    digest = hashlib.sha256(store.root.encode()).hexdigest()[:16]
    return cache / "reelflow" / digest / layout.CATALOG


@contextmanager
def open_catalog(
    path: Path, wait_s: float = 600.0, on_wait: Callable[[str], None] | None = None
) -> Iterator[Catalog]:
    """The catalogue at its newest schema; this process alone has it during the block.

    DuckDB would raise at once if another process had the file open: the lock waits instead.
    """
    with (
        hold_lock(path.with_suffix(".lock"), LOCK_REASON, wait_s, on_wait),
        _connect(path) as connection,
    ):
        _migrate(connection)
        yield Catalog(connection)


@contextmanager
def create_catalog(path: Path, wait_s: float = 600.0) -> Iterator[Catalog]:
    """An empty catalogue that replaces the existing one, whatever state that is in."""
    with hold_lock(path.with_suffix(".lock"), LOCK_REASON, wait_s):
        for file in (path, path.with_name(f"{path.name}.wal")):
            file.unlink(missing_ok=True)
        with _connect(path) as connection:
            _migrate(connection)
            yield Catalog(connection)


@contextmanager
def _connect(path: Path, keep: bool = True) -> Iterator[duckdb.DuckDBPyConnection]:
    if path.is_file() and path.stat().st_size < MIN_FILE_BYTES:
        path.unlink()  # cut short when it was created, by a full disk or a kill
    begun = False
    try:
        with attach_file(path, keep) as connection:
            begun = True
            yield connection
    except duckdb.Error as error:
        if os.strerror(errno.ENOSPC) in str(error):
            raise disk_full_error(str(path.parent)) from error
        if begun or not isinstance(error, duckdb.IOException):
            raise
        raise UserError(
            f"cannot open the catalogue {path}: {error}. It can be rebuilt from the store:"
            " remove the file, then run `reelflow catalog rebuild`"
        ) from error


def _migrate(connection: duckdb.DuckDBPyConnection) -> None:
    """Runs the numbered migrations that this catalogue has not had yet, in order."""
    connection.execute("CREATE TABLE IF NOT EXISTS migrations (name VARCHAR)")
    rows = connection.execute("SELECT name FROM migrations").fetchall()
    applied = {name for (name,) in rows}
    folder = resources.files("data.catalog").joinpath("migrations")
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if file.name.endswith(".sql") and file.name not in applied:
            connection.begin()
            connection.execute(file.read_text())
            connection.execute("INSERT INTO migrations VALUES ($1)", [file.name])
            connection.commit()


@contextmanager
def open_scratch() -> Iterator[Catalog]:
    """A temporary database on disk, for sets that are too large for memory."""
    with (
        TemporaryFolder() as folder,
        _connect(Path(folder) / "scratch.duckdb", keep=False) as connection,
    ):
        yield Catalog(connection)
