"""Keeps what a query was cut from out of its hits: shots of one film, clips of one channel."""

import json
from collections.abc import Sequence
from dataclasses import replace

from data.catalog.database import catalog_path, load_sql
from data.catalog.filters import select_videos
from data.errors import UserError
from data.records import Prompt, Query
from data.workspace import Workspace

GROUP = "duplicate_group"


def exclude_same(
    workspace: Workspace, corpus: str, queries: list[Query], column: str | None,
    prompts: Sequence[Prompt] = (),
) -> list[Query]:  # fmt: skip
    """The queries, each with a condition that no hit has its own value in a column of the corpus.

    A video's value is its row's; that of a prompt, in the order of the queries, its own column's.
    A query without a value has no such condition, and none has one without a column. A UserError
    where the corpus has no such column.
    """
    if column is None:
        return queries
    values: Sequence[object | None]
    if prompts:
        values = [prompt.columns.get(column) for prompt in prompts]
    else:
        values = read_column_values(
            workspace, corpus, [query.video or "" for query in queries], column
        )
    name = '"' + column.replace('"', '""') + '"'
    if all(value is None for value in values):  # else the conditions find out
        path = catalog_path(workspace.store, workspace.settings.catalog)
        with select_videos(path, corpus, [f"{name} IS NULL"], workspace.settings.wait_s) as videos:
            videos.limit(0).fetchall()
    return [
        query if value is None else _add_condition(query, name, str(value))
        for query, value in zip(queries, values, strict=True)
    ]


def require_column(prompts: Sequence[Prompt], column: str | None) -> None:
    """A UserError where no prompt has a value in the column: nothing would be kept out of hits."""
    if column is not None and not any(column in prompt.columns for prompt in prompts):
        raise UserError(
            f"no prompt has a value in a column {column}: add that column to the prompts, or leave"
            " out --own or --not-from-same"
        )


def _add_condition(query: Query, name: str, value: str) -> Query:
    literal = "'" + value.replace("'", "''") + "'"
    condition = f"{name}::VARCHAR IS DISTINCT FROM {literal}"
    return replace(query, where=f"({query.where}) AND {condition}" if query.where else condition)


def read_column_values(
    workspace: Workspace, corpus: str, ids: Sequence[str], column: str
) -> list[object | None]:
    """The value of each of these videos in a column; None for a video without one."""
    with workspace.open_catalog() as catalog:
        rows = catalog.query_rows(load_sql("shown_videos"), corpus=corpus, ids=list(set(ids)))
    columns = {row["id"]: json.loads(row["columns"] or "{}") for row in rows}
    for row in rows:
        if row[GROUP] is not None:  # the catalogue's own column counts, as in conditions
            columns[row["id"]][GROUP] = row[GROUP]
    return [columns.get(id, {}).get(column) for id in ids]
