"""Keeps what a query was cut from out of its hits: shots of one film, clips of one channel."""

import json
from collections.abc import Sequence
from dataclasses import replace

from data.catalog.conditions import TYPES
from data.catalog.database import catalog_path
from data.catalog.filter_terms import quote_name
from data.catalog.filters import select_videos
from data.errors import UserError
from data.records import Prompt, Query
from data.workspace import Workspace


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
        values = [prompt.find_value(column) for prompt in prompts]
    else:
        ids = [query.video or "" for query in queries]
        by_id = read_column_values(workspace, corpus, ids, column)
        values = [by_id.get(id) for id in ids]
    kind = _read_type(workspace, corpus, column)
    return [
        query if value is None else _add_condition(query, quote_name(column), kind, value)
        for query, value in zip(queries, values, strict=True)
    ]


def _read_type(workspace: Workspace, corpus: str, column: str) -> str:
    """DuckDB's type of a column; a UserError where the corpus has none of the name."""
    path = catalog_path(workspace.store, workspace.settings.catalog)
    condition = f"{quote_name(column)} IS NULL"
    with select_videos(path, corpus, [condition], workspace.settings.wait_s) as videos:
        names = [name.lower() for name in videos.columns]
        return str(videos.types[names.index(column.lower())])


def require_column(prompts: Sequence[Prompt], column: str | None) -> None:
    """A UserError where no prompt has a value in the column: nothing would be kept out of hits."""
    if column is not None and all(prompt.find_value(column) is None for prompt in prompts):
        raise UserError(
            f"no prompt has a value in a column {column}: add that column to the prompts, or leave"
            " out --own or --not-from-same"
        )


def _add_condition(query: Query, name: str, kind: str, value: object) -> Query:
    # As the column has it: True, true and "True" are one value of a boolean, 1 and 1.0 of a number.
    text = value if isinstance(value, str) else json.dumps(value)
    literal = "'" + text.replace("'", "''") + "'"
    other = f"{name}::VARCHAR <> {literal}"
    if kind.lower().partition("(")[0] in TYPES:
        other = f"coalesce({name} <> TRY_CAST({literal} AS {kind}), true)"
    condition = f"({name} IS NULL OR {other})"
    return replace(query, where=f"({query.where}) AND {condition}" if query.where else condition)


def read_column_values(
    workspace: Workspace, corpus: str, ids: Sequence[str], column: str
) -> dict[str, str]:
    """The values of videos in a column, by id, as text; without videos that have none.

    The column is any that conditions know: the catalogue's own, or one of the source. A UserError
    where the corpus has no such column.
    """
    name = quote_name(column)
    with workspace.select_videos(corpus, [f"{name} IS NOT NULL"], ids=list(set(ids))) as videos:
        return dict(videos.project(f"id, {name}::VARCHAR").fetchall())
