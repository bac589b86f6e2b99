"""Rows of earlier ingests that failed, to be tried again as rows of the source they came from."""

import json
from collections import defaultdict
from collections.abc import Iterable
from functools import cache, partial

from data.catalog.database import load_sql
from data.catalog.failures import Failures
from data.records import Row
from data.store import layout
from data.workspace import Workspace
from tasks.retry import decoder_version


def read_failed_rows(
    workspace: Workspace, corpus: str, which: Failures
) -> dict[str, Iterable[Row]]:
    """The rows of earlier ingests with such failures, as if read again, by the source of each."""
    by_source: dict[str, list[Row]] = defaultdict(list)
    read_origin = cache(partial(_read_origin, workspace, corpus))
    with workspace.open_synced_catalog(corpus) as catalog:
        rows = catalog.query_rows(
            load_sql("failed_source_rows"), corpus=corpus, **which.to_parameters(decoder_version())
        )
    for line, row in enumerate(rows):
        columns = json.loads(row["columns"])
        by_source[read_origin(row["run"])].append(
            Row(line, row["id"], row["uri"], row["caption"], columns)
        )
    return dict(by_source)


def _read_origin(workspace: Workspace, corpus: str, run: int) -> str:
    """The source that the rows of an ingest come from, also where that only tried them again."""
    header = json.loads(workspace.store.read(f"{layout.ingests_folder(corpus)}/{run:06d}.json"))
    return header.get("origin") or header["source"]
