"""What an ingest needs to know: the ids it has seen, and the videos of earlier ingests."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from data.catalog.database import Catalog, scratch, sql


class Seen:
    """The ids of one ingest, on disk, so that ten million of them take no memory."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        catalog.execute("CREATE TABLE seen (id VARCHAR, line BIGINT)")

    def first_lines(self, ids: Sequence[str], lines: Sequence[int]) -> list[int]:
        """For each id the line that had it first in this ingest; all are remembered."""
        self._catalog.register(pa.table({"id": list(ids), "line": list(lines)}))
        rows = self._catalog.execute(sql("first_lines"))
        self._catalog.execute(sql("remember"))
        return [first for (first,) in rows]


@contextmanager
def seen() -> Iterator[Seen]:
    """The ids of one ingest, forgotten at the end of the block."""
    with scratch() as catalog:
        yield Seen(catalog)


def earlier(catalog: Catalog, corpus: str, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The catalogue's rows of these ids, by id."""
    rows = catalog.rows(sql("earlier"), corpus=corpus, ids=list(ids))
    return {row["id"]: row for row in rows}
