"""Which of the store's files are in the catalogue, and how rows get into it."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import pyarrow as pa

from data.batches import side_by_side
from data.catalog.database import Catalog
from data.shards.spans import uncovered
from data.store.storage import Store

READERS = 16  # files on their way at once, where the store is far
T = TypeVar("T")


def new(
    catalog: Catalog, store: Store, folder: str, suffix: str, packed: bool = False
) -> list[str]:
    """The files of a folder that are not merged yet, in order.

    Of one that may be `packed`, without those that a pack covers.
    """
    found = catalog.execute(
        "SELECT path FROM merged WHERE starts_with(path, $folder)", folder=folder
    )
    merged = {path for (path,) in found}
    names = store.names(folder, suffix)
    return [name for name in (uncovered(names) if packed else names) if name not in merged]


def is_merged(catalog: Catalog, name: str) -> bool:
    """Whether the file is in the catalogue."""
    return bool(catalog.execute("SELECT 1 FROM merged WHERE path = $path", path=name))


def mark(catalog: Catalog, names: Iterable[str]) -> None:
    """The files are merged; in the transaction that merges them."""
    catalog.execute("INSERT INTO merged SELECT unnest($names)", names=list(names))


def read_each(
    store: Store, read: Callable[[str], T], names: Iterable[str]
) -> Iterator[tuple[str, T]]:
    """Each file's name with what is read of it, in order."""
    return side_by_side(read, names, 1 if store.is_local else READERS)


def insert_rows(
    catalog: Catalog, table: str, rows: list[dict[str, Any]], where: dict[str, str]
) -> None:
    """Adds rows that have the same keys, and constants beside them."""
    if rows:
        insert(catalog, table, {key: [row[key] for row in rows] for key in rows[0]}, **where)


def insert(catalog: Catalog, table: str, columns: dict[str, Any], **constants: str) -> None:
    """Adds columns of one length, and constants beside them."""
    size = len(next(iter(columns.values())))
    fixed = {key: pa.repeat(pa.scalar(value), size) for key, value in constants.items()}
    catalog.insert(table, pa.table({**columns, **fixed}))


def only(said: dict[str, Any], *keys: str) -> dict[str, Any]:
    """These keys of a dict."""
    return {key: said[key] for key in keys}
