"""The catalogue: DuckDB's index over the store. The store is the truth; this can be made again."""

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

from data.errors import UserError
from data.store import layout
from data.store.lock import hold
from data.store.storage import Store, no_room
from data.store.temporary import Temporary

MEMORY = "1GB"
WHOLE = 3 * 4096  # bytes that every DuckDB file begins with
HOLDS = "has the catalogue open"


def sql(name: str) -> str:
    """The text of `data/catalog/sql/<name>.sql`."""
    return resources.files("data.catalog").joinpath("sql", f"{name}.sql").read_text()


class Catalog:
    """An open catalogue; at most one process has it open at a time, and for short."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def execute(self, text: str, **values: Any) -> list[tuple]:
        """All rows of a statement; values only ever enter as parameters."""
        used = {k: v for k, v in values.items() if f"${k}" in text}
        return self._connection.execute(text, used).fetchall()

    def rows(self, text: str, **values: Any) -> list[dict[str, Any]]:
        """All rows of a query, each as a dict by column."""
        return self._connection.sql(text, params=values).to_arrow_table().to_pylist()

    def stream(self, text: str, size: int, **values: Any) -> Iterator[list[tuple]]:
        """A query's rows, `size` at a time."""
        cursor = self._connection.cursor()
        cursor.execute(text, values)
        while batch := cursor.fetchmany(size):
            yield batch

    def insert(self, table: str, incoming: pa.Table) -> None:
        """Adds the rows of an Arrow table, by column names."""
        self.register(incoming)
        self._connection.execute(f"INSERT INTO {table} BY NAME FROM incoming")

    def register(self, incoming: pa.Table) -> None:
        """Makes an Arrow table known to statements as `incoming`."""
        self._connection.register("incoming", incoming)

    @contextmanager
    def unordered(self) -> Iterator[None]:
        """What the block inserts lies in no order, for which it takes half the time."""
        self._connection.execute("SET preserve_insertion_order = false")
        try:
            yield
        finally:
            self._connection.execute("SET preserve_insertion_order = true")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._connection.begin()
        try:
            yield
        except BaseException:
            self._connection.rollback()
            raise
        self._connection.commit()


def catalog_path(store: Store, setting: str | None) -> Path:
    """Where the catalogue lies: in a local store's root; for a remote one, in this user's cache."""
    if setting:
        return Path(setting)
    if store.is_local:
        return store.local(layout.CATALOG)
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return (
        cache / "reelflow" / hashlib.sha256(store.root.encode()).hexdigest()[:16] / layout.CATALOG
    )


@contextmanager
def open_catalog(
    path: Path, wait_s: float = 600.0, waiting: Callable[[str], None] | None = None
) -> Iterator[Catalog]:
    """The catalogue at its newest schema, held for as long as the block lasts."""
    with hold(path.with_suffix(".lock"), HOLDS, wait_s, waiting), _connect(path) as connection:
        _migrate(connection)
        yield Catalog(connection)


@contextmanager
def new_catalog(path: Path, wait_s: float = 600.0) -> Iterator[Catalog]:
    """An empty catalogue in the place of the one there was, whatever state that was in."""
    with hold(path.with_suffix(".lock"), HOLDS, wait_s):
        for file in (path, path.with_name(f"{path.name}.wal")):
            file.unlink(missing_ok=True)
        with _connect(path) as connection:
            _migrate(connection)
            yield Catalog(connection)


@contextmanager
def _connect(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    config: dict[str, Any] = {
        "memory_limit": MEMORY,
        "temp_directory": str(path.parent / ".duckdb-tmp"),
    }
    if path.is_file() and path.stat().st_size < WHOLE:
        path.unlink()  # the disk was full, or the process died, as it was made
    try:
        connection = duckdb.connect(str(path), config=config)
    except duckdb.IOException as error:
        if os.strerror(errno.ENOSPC) in str(error):
            raise no_room(str(path.parent)) from error
        raise UserError(
            f"cannot open the catalogue {path}: {error}. Everything in it can be made again:"
            " remove the file, then run `reelflow catalog rebuild`"
        ) from error
    try:
        with connection:
            yield connection
    except duckdb.Error as error:
        if os.strerror(errno.ENOSPC) in str(error):
            raise no_room(str(path.parent)) from error
        raise


def _migrate(connection: duckdb.DuckDBPyConnection) -> None:
    """Runs the numbered migrations that this file has not seen."""
    connection.execute("CREATE TABLE IF NOT EXISTS migrations (name VARCHAR)")
    seen = {name for (name,) in connection.execute("SELECT name FROM migrations").fetchall()}
    folder = resources.files("data.catalog").joinpath("migrations")
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if file.name.endswith(".sql") and file.name not in seen:
            connection.begin()
            connection.execute(file.read_text())
            connection.execute("INSERT INTO migrations VALUES ($1)", [file.name])
            connection.commit()


@contextmanager
def scratch() -> Iterator[Catalog]:
    """A throw-away database on disk, for sets that are too large to hold in memory."""
    with (
        Temporary() as folder,
        _connect(Path(folder) / "scratch.duckdb") as connection,
    ):
        yield Catalog(connection)
