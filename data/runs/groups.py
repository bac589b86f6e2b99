"""Groups of a corpus's videos: those with equal values in some columns of their source."""

import duckdb
import pyarrow as pa

from data.errors import UserError
from data.workspace import Workspace

FIELDS = ("id", "content", "uri", "caption", "duration")


def list_grouped_videos(workspace: Workspace, corpus: str, columns: tuple[str, ...]) -> pa.Table:
    """The good videos: id, content, uri, caption, duration, and `kin`, their values of `columns`.

    A group's videos stand together; the order is the same on every machine. A UserError for a
    column that the corpus does not have.
    """
    with workspace.select_videos(corpus, []) as videos:
        for column in columns:
            if column not in videos.columns:
                existing = ", ".join(videos.columns)
                raise UserError(f"{corpus} has no column {column!r}: its columns are {existing}")
        # As texts, so that columns of any type fit into one list.
        values = duckdb.SQLExpression(f"[{', '.join(map(_text_sql, columns))}]::VARCHAR[]")
        rows = videos.select(*map(duckdb.ColumnExpression, FIELDS), values.alias("kin"))
        return rows.order("kin, content, id").to_arrow_table()


def group_condition(columns: tuple[str, ...], values: list[str | None]) -> str | None:
    """A condition for `select_videos` on the videos of a group; None without columns."""
    return " AND ".join(map(_equals_sql, columns, values)) or None


def _equals_sql(column: str, value: str | None) -> str:
    literal = "NULL" if value is None else "'" + value.replace("'", "''") + "'"
    # Not `=`: in SQL NULL equals nothing, but videos without a value are a group too.
    return f"{_text_sql(column)} IS NOT DISTINCT FROM {literal}"


def _text_sql(column: str) -> str:
    # Quotes are doubled: column names come from users' tables.
    return 'CAST("' + column.replace('"', '""') + '" AS VARCHAR)'
