"""Records which of the store's files are merged into the catalogue, and inserts their rows."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import pyarrow as pa

from data.batches import map_in_threads
from data.catalog.database import Catalog
from data.shards.spans import drop_covered, find_covered
from data.store.storage import Store

READERS = 16  # concurrent reads of a remote store
T = TypeVar("T")


class FilesGone(Exception):
    """The store lacks files that the catalogue has merged: somebody removed or replaced them."""


def list_unmerged(
    catalog: Catalog, store: Store, folder: str, suffix: str, packed: bool = False
) -> list[str]:
    """The files of a folder that are not merged yet, in order.

    If the folder can be `packed`, without the files that a pack stands for. Raises `FilesGone`
    where merged files lie there no more, and no pack stands for them. None of a frozen catalogue.
    """
    if catalog.frozen:
        return []
    rows = catalog.execute(
        "SELECT path FROM merged WHERE starts_with(path, $folder)", folder=folder
    )
    merged = {path for (path,) in rows}
    names = store.list_names(folder, suffix)
    if gone := merged.difference(names):
        if packed:  # packed files are removed in time
            gone = gone.difference(name for name, _ in find_covered([*names, *gone]))
        if gone:
            raise FilesGone(min(gone))
    return [name for name in (drop_covered(names) if packed else names) if name not in merged]


def is_merged(catalog: Catalog, name: str) -> bool:
    """Whether the file is merged, or never will be since the catalogue is frozen."""
    if catalog.frozen:
        return True
    return bool(catalog.execute("SELECT 1 FROM merged WHERE path = $path", path=name))


def mark_merged(catalog: Catalog, names: Iterable[str]) -> None:
    """Records that the files are merged; call it in the transaction that merges them."""
    catalog.execute("INSERT INTO merged SELECT unnest($names)", names=list(names))


def read_files(
    store: Store, read: Callable[[str], T], names: Iterable[str]
) -> Iterator[tuple[str, T]]:
    """Each file's name with the result of reading it, in order."""
    # Threads help only where each read waits for a network.
    return map_in_threads(read, names, 1 if store.is_local else READERS)


def insert_rows(
    catalog: Catalog, table: str, rows: list[dict[str, Any]], where: dict[str, str]
) -> None:
    """Adds rows with the same keys; `where` are columns with one value for all of them."""
    if rows:
        insert_columns(
            catalog, table, {key: [row[key] for row in rows] for key in rows[0]}, **where
        )


def insert_columns(catalog: Catalog, table: str, columns: dict[str, Any], **constants: str) -> None:
    """Adds columns of equal length; `constants` are columns with one value for all rows."""
    size = len(next(iter(columns.values())))
    repeated = {key: pa.repeat(pa.scalar(value), size) for key, value in constants.items()}
    catalog.insert(table, pa.table({**columns, **repeated}))


def pick_keys(row: dict[str, Any], *keys: str) -> dict[str, Any]:
    """The row with these keys alone."""
    return {key: row[key] for key in keys}
