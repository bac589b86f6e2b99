"""How many rows of tables statements read: what a plan costs, whatever else the machine does."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb
import pytest

from data.catalog import filters
from data.catalog.database import Catalog


@dataclass
class Scanned:
    """The rows that the catalogue's statements read, and how often conditions were applied."""

    rows: int = 0
    conditions: int = 0


@contextmanager
def counting_scans() -> Iterator[Scanned]:
    """Counts within the block, for every catalogue of this process; without what is streamed."""
    scanned = Scanned()
    opened, execute, query, apply = (
        Catalog.__init__, Catalog.execute, Catalog.query_rows, filters.apply_conditions
    )  # fmt: skip

    def init(self: Catalog, connection: duckdb.DuckDBPyConnection) -> None:
        opened(self, connection)
        connection.execute("PRAGMA enable_profiling='no_output'")

    def counted(call: Any) -> Any:
        def run(self: Catalog, text: str, **values: Any) -> Any:
            found = call(self, text, **values)
            scanned.rows += _sum_rows(self._connection)
            return found

        return run

    def applied(*args: Any, **named: Any) -> Any:
        scanned.conditions += 1
        return apply(*args, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Catalog, "__init__", init)
        patch.setattr(Catalog, "execute", counted(execute))
        patch.setattr(Catalog, "query_rows", counted(query))
        patch.setattr(filters, "apply_conditions", applied)
        yield scanned


def _sum_rows(connection: duckdb.DuckDBPyConnection) -> int:
    profile = json.loads(connection.get_profiling_information(format="json"))
    waiting, rows = list(profile.get("operator", [])), 0
    while waiting:
        operator = waiting.pop()
        rows += operator.get("rows_scanned", 0)
        waiting += operator.get("children", [])
    return rows
