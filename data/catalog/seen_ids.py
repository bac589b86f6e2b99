"""The ids that an ingest has read, and the stored videos of earlier ingests."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from data.catalog.database import Catalog, load_sql, open_scratch


class SeenIds:
    """The ids of one ingest, kept on disk, so that ten million of them take no memory."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        catalog.execute("CREATE TABLE seen (id VARCHAR, line BIGINT)")

    def find_first_lines(self, ids: Sequence[str], lines: Sequence[int]) -> list[int]:
        """For each id the line on which this ingest first met it; adds the new ids."""
        self._catalog.register(pa.table({"id": list(ids), "line": list(lines)}))
        rows = self._catalog.execute(load_sql("first_lines"))
        self._catalog.execute(load_sql("add_seen_ids"))
        return [first for (first,) in rows]


@contextmanager
def open_seen_ids() -> Iterator[SeenIds]:
    """An empty set of ids, deleted at the end of the block."""
    with open_scratch() as catalog:
        yield SeenIds(catalog)


def read_stored_videos(
    catalog: Catalog, corpus: str, ids: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """The catalogue's rows of the videos with these ids, by id."""
    rows = catalog.query_rows(load_sql("videos_by_id"), corpus=corpus, ids=list(ids))
    return {row["id"]: row for row in rows}
