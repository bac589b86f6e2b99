"""Selects videos by SQL conditions, which can do nothing else than read these videos."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from data.catalog.conditions import parse_condition
from data.catalog.connection import MEMORY_LIMIT
from data.catalog.database import load_sql
from data.errors import UserError
from data.shards.stages import Stage
from data.store.lock import hold_lock

READ_ONLY_CONFIG: dict[str, Any] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",  # else DuckDB downloads what a function needs
    "autoload_known_extensions": "false",
    "memory_limit": MEMORY_LIMIT,
    "lock_configuration": "true",
}
TIME_LIMIT_S = 120.0  # a condition over a million videos takes seconds


@contextmanager
def select_videos(
    path: Path, corpus: str, wheres: Sequence[str], wait_s: float,
    contents: Sequence[str] | None = None, ids: Sequence[str] | None = None,
) -> Iterator[duckdb.DuckDBPyRelation]:  # fmt: skip
    """The good videos of a corpus that meet every condition: id, content, uri and more columns.

    With `contents` or `ids`, only videos that have one of these. A condition is one DuckDB
    expression over the videos' columns and those of their source; it can neither write nor read
    anything else. A UserError for any other text, and for a query that takes minutes.
    """
    with (
        _open_read_only(path, wait_s) as connection,
        apply_conditions(connection, add_source_columns(connection, corpus), wheres) as videos,
    ):
        yield keep_listed(connection, videos, content=contents, id=ids)


def keep_listed(
    connection: duckdb.DuckDBPyConnection, videos: duckdb.DuckDBPyRelation,
    **wanted: Sequence[str] | None,
) -> duckdb.DuckDBPyRelation:  # fmt: skip
    """The videos whose columns have one of the texts that are wanted; None wants all."""
    for column, texts in wanted.items():
        if texts is not None:
            # As a table: an expression, or a parameter, of 50,000 texts takes seconds.
            listed = pa.table({column: pa.array(texts, pa.string())})
            connection.register(f"wanted_{column}", listed)
            videos = videos.join(connection.table(f"wanted_{column}"), column, how="semi")
    return videos


@contextmanager
def select_unlisted(
    path: Path, stage: Stage, wheres: Sequence[str], wait_s: float, stamped: bool = False
) -> Iterator[duckdb.DuckDBPyRelation]:
    """As `select_videos`, without contents that the stage's shards list; one row per content.

    Columns content, id, uri and duration; `stamped` adds the bytes and the stamp of the file.
    """
    with _open_read_only(path, wait_s) as connection:
        wide = add_source_columns(connection, stage.corpus)
        with apply_conditions(connection, wide, wheres) as videos:
            # Not `corpus`: DuckDB joins no relations that have a parameter of the same name.
            values = {
                "listed_corpus": stage.corpus, "stage": stage.kind,
                "fingerprint": stage.fingerprint,
            }  # fmt: skip
            listed = connection.sql(load_sql("listed_contents"), params=values)
            unlisted = videos.join(listed, "content", how="anti").aggregate(
                # A copy that has a location, if any: `arg_min` skips copies without.
                "content, coalesce(arg_min(id, id) FILTER (uri IS NOT NULL), min(id)) AS id,"
                " arg_min(uri, id) AS uri, any_value(duration) AS duration",
                "content",
            )
            if stamped:
                values = {"stamped_corpus": stage.corpus}
                stamps = connection.sql(load_sql("file_stamps"), params=values)
                unlisted = unlisted.join(stamps, "id")
            yield unlisted


@contextmanager
def _open_read_only(path: Path, wait_s: float) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that can read the catalogue and nothing else."""
    with hold_lock(path.with_suffix(".lock"), "has the catalogue open", wait_s):
        with duckdb.connect(str(path), read_only=True, config=READ_ONLY_CONFIG) as connection:
            yield connection


@contextmanager
def apply_conditions(
    connection: duckdb.DuckDBPyConnection, videos: duckdb.DuckDBPyRelation, wheres: Sequence[str]
) -> Iterator[duckdb.DuckDBPyRelation]:
    """The videos that meet every condition; a UserError where one is refused, or takes minutes."""
    text = " and ".join(map(repr, wheres))
    timer = threading.Timer(TIME_LIMIT_S, connection.interrupt)
    try:
        columns = videos.columns
        for where in wheres:  # one by one: joined as text, one could close the other's bracket
            videos = videos.filter(parse_condition(connection, where, columns))
        if any(where.strip() != "true" for where in wheres):
            timer.start()
        yield videos
    except duckdb.InterruptException as error:
        raise UserError(f"cannot use {text}: it took longer than {TIME_LIMIT_S:g} s") from error
    except duckdb.Error as error:  # in the expression, or on the values of a row
        reason = str(error).split("\n")[0]
        raise UserError(
            f"cannot use {text}: {reason} (columns: {', '.join(videos.columns)})"
        ) from error
    finally:
        timer.cancel()
        if timer.is_alive():
            timer.join()  # it must not interrupt a connection that is closed by then


def add_source_columns(
    connection: duckdb.DuckDBPyConnection, corpus: str, query: str = "good_videos"
) -> duckdb.DuckDBPyRelation:
    """The catalogue's columns, then the source's own whose names the catalogue does not use."""
    rows = connection.execute(load_sql("source_structure"), {"corpus": corpus}).fetchall()
    structure = rows[0][0]
    videos = connection.sql(load_sql(query), params={"corpus": corpus})
    if not connection.execute(load_sql("is_deduplicated"), {"corpus": corpus}).fetchall():
        # No column says nothing, where one of nulls would say that there are no copies.
        videos = videos.project("* EXCLUDE (duplicate_of, duplicate_group)")
    if not structure or not structure.startswith('{"'):
        return videos  # the source has no columns but id, uri and caption
    literal = structure.replace("'", "''")
    wide: Any = videos.query(
        "good",  # a name that no table of the catalogue has: tables take precedence
        f"SELECT * EXCLUDE (columns), unnest(from_json(columns, '{literal}')) FROM good",  # noqa: S608
    )
    first = [name for i, name in enumerate(wide.columns) if name not in wide.columns[:i]]
    return wide.select(*(duckdb.ColumnExpression(name) for name in first))
