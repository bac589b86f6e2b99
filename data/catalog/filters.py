"""Choosing videos by a condition over the catalogue, without letting it do anything else."""

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from data.catalog.database import MEMORY, sql
from data.errors import UserError
from data.shards.stages import Stage
from data.store.lock import hold

LOCKED: dict[str, Any] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",  # else unknown functions are looked for elsewhere
    "autoload_known_extensions": "false",
    "memory_limit": MEMORY,
    "lock_configuration": "true",
}
LIMIT_S = 300.0  # a condition over a million videos takes seconds
LONGEST = 50_000  # characters; what is much longer is planned for minutes, and no limit cuts that
OUTWARD = re.compile(  # of functions: those that look at more than their arguments
    r'"function_name":"(current_setting|getenv|getvariable|write_log)"', re.IGNORECASE
)
PARSED, INNER = '{"error":false,', '"class":"SUBQUERY"'  # a condition's own quotes are escaped


@contextmanager
def chosen(
    path: Path, corpus: str, wheres: Sequence[str], wait_s: float
) -> Iterator[duckdb.DuckDBPyRelation]:
    """The good videos of a corpus for which every condition holds: id, content, uri and more.

    Each is one DuckDB expression over the videos' columns and those of their source; it can
    neither write nor read anything else, and a UserError ends what takes minutes.
    """
    with _locked(path, wait_s) as connection, _filtered(connection, corpus, wheres) as videos:
        yield videos


@contextmanager
def unlisted(
    path: Path, stage: Stage, wheres: Sequence[str], wait_s: float
) -> Iterator[duckdb.DuckDBPyRelation]:
    """As `chosen`, without the contents that a shard of the stage lists; one row a content."""
    with _locked(path, wait_s) as connection:
        with _filtered(connection, stage.corpus, wheres) as videos:
            values = {"of": stage.corpus, "stage": stage.kind, "print": stage.fingerprint}
            listed = connection.sql(sql("listed"), params=values)
            left = videos.join(listed, "content", how="anti")
            yield left.aggregate(
                "content, min(id) AS id, arg_min(uri, id) AS uri, any_value(duration) AS duration",
                "content",
            )


@contextmanager
def _locked(path: Path, wait_s: float) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that can read the catalogue and nothing else."""
    with hold(path.with_suffix(".lock"), "has the catalogue open", wait_s):
        with duckdb.connect(str(path), read_only=True, config=LOCKED) as connection:
            yield connection


@contextmanager
def _filtered(
    connection: duckdb.DuckDBPyConnection, corpus: str, wheres: Sequence[str]
) -> Iterator[duckdb.DuckDBPyRelation]:
    videos = _with_source_columns(connection, corpus)
    asked = " and ".join(map(repr, wheres))
    clock = threading.Timer(LIMIT_S, connection.interrupt)
    try:
        for where in wheres:  # one by one: joined as text, one could end the other
            videos = videos.filter(_condition(connection, where))
        if any(where.strip() != "true" for where in wheres):
            clock.start()
        yield videos
    except duckdb.InterruptException as error:
        raise UserError(f"cannot use {asked}: it took longer than {LIMIT_S:g} s") from error
    except duckdb.Error as error:  # of the expression, or of a row it cannot be read on
        said = str(error).split("\n")[0]
        columns = ", ".join(videos.columns)
        raise UserError(f"cannot use {asked}: {said} (columns: {columns})") from error
    finally:
        clock.cancel()
        if clock.is_alive():
            clock.join()  # before there is no connection to interrupt


def _condition(connection: duckdb.DuckDBPyConnection, where: str) -> duckdb.Expression:
    """One expression over the columns; a query of its own could read other corpora."""
    if len(where) > LONGEST:
        raise UserError(f"a condition has {len(where):,} characters; the most is {LONGEST:,}")
    expression = duckdb.SQLExpression(where.strip() or "(empty)")
    tree = "SELECT json_serialize_sql('SELECT ' || $where::VARCHAR)::VARCHAR"
    parsed = str(connection.execute(tree, {"where": where}).fetchall()[0][0])
    if INNER in parsed or not parsed.startswith(PARSED):
        raise UserError(f"cannot use {where!r}: a condition can hold no query of its own")
    if outward := OUTWARD.search(parsed):
        raise UserError(f"cannot use {where!r}: a condition cannot call {outward[1]}")
    return expression


def _with_source_columns(
    connection: duckdb.DuckDBPyConnection, corpus: str
) -> duckdb.DuckDBPyRelation:
    """The catalogue's columns, and beside them the source's own, as far as their names are free."""
    structure = connection.execute(sql("source_structure"), {"corpus": corpus}).fetchall()[0][0]
    videos = connection.sql(sql("good_videos"), params={"corpus": corpus})
    if not structure or not structure.startswith('{"'):
        return videos  # the source had no columns but its own three
    literal = structure.replace("'", "''")
    wide: Any = videos.query(
        "good",  # by no name of the catalogue's, which would come before it
        f"SELECT * EXCLUDE (columns), unnest(from_json(columns, '{literal}')) FROM good",  # noqa: S608
    )
    first = [name for i, name in enumerate(wide.columns) if name not in wide.columns[:i]]
    return wide.select(*(duckdb.ColumnExpression(name) for name in first))
