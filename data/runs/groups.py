"""A corpus's videos by the columns of their source that they share."""

import duckdb
import pyarrow as pa

from data.catalog.database import catalog_path
from data.catalog.filters import chosen
from data.errors import UserError
from data.workspace import Workspace

FIELDS = ("id", "content", "uri", "caption", "duration")


def listed(workspace: Workspace, corpus: str, columns: tuple[str, ...]) -> pa.Table:
    """The good videos: id, content, uri, caption, duration, and `kin`, their values of `columns`.

    Those with the same values lie beside each other; the order is the same on every machine.
    """
    path = catalog_path(workspace.store, workspace.settings.catalog)
    with chosen(path, corpus, [], workspace.settings.wait_s) as videos:
        for column in columns:
            if column not in videos.columns:
                there = ", ".join(videos.columns)
                raise UserError(f"{corpus} has no column {column!r}: it has {there}")
        shared = duckdb.SQLExpression(f"[{', '.join(map(_text, columns))}]::VARCHAR[]")
        found = videos.select(*map(duckdb.ColumnExpression, FIELDS), shared.alias("kin"))
        return found.order("kin, content, id").to_arrow_table()


def condition(columns: tuple[str, ...], values: list[str | None]) -> str | None:
    """A condition of `chosen` for the videos with these values; None where there are no columns."""
    return " AND ".join(map(_equal, columns, values)) or None


def _equal(column: str, value: str | None) -> str:
    literal = "NULL" if value is None else "'" + value.replace("'", "''") + "'"
    return f"{_text(column)} IS NOT DISTINCT FROM {literal}"


def _text(column: str) -> str:
    return 'CAST("' + column.replace('"', '""') + '" AS VARCHAR)'
