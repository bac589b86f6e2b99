"""Queries of somebody who looks around: pages of videos in any order, and what columns hold.

They never give more rows than a page has: what is counted is counted by DuckDB.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from data.catalog.filter_terms import quote_name
from data.catalog.filters import keep_listed
from data.catalog.snapshot import ROW, Snapshot
from data.errors import UserError

VALUES, BINS = 12, 24  # of a column that are shown
MAX_DISTINCT = 2000  # a text column with more values is no list to choose from
PLAIN = {"id", "uri", "content", "caption", "note"}  # texts that are nearly all different
NUMBERS = {"tinyint", "smallint", "integer", "bigint", "hugeint", "utinyint", "usmallint",
           "uinteger", "ubigint", "float", "double"}  # fmt: skip
DATES = {"date", "timestamp", "timestamp with time zone"}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a corpus's videos, and how it is filtered: by "values", a "range", or "none"."""

    name: str
    type: str
    kind: str


@dataclass(frozen=True, slots=True)
class Facet:
    """What a column holds: its commonest `values` with counts, or counts of `bins` of a range.

    `missing` videos have no value, and `others` one that is not listed.
    """

    column: str
    kind: str
    values: tuple[tuple[Any, int], ...] = ()
    low: float | None = None
    high: float | None = None
    bins: tuple[int, ...] = ()
    missing: int = 0
    others: int = 0
    is_date: bool = False


def list_columns(snapshot: Snapshot, corpus: str) -> list[Column]:
    """The columns of a corpus's videos."""
    with snapshot.select_rows(corpus) as (_, rows):
        pairs = zip(rows.columns, map(str, rows.types), strict=True)
        return [Column(name, type, _choose_kind(rows, name, type.lower()))
                for name, type in pairs if name != ROW]  # fmt: skip


def count_videos(snapshot: Snapshot, corpus: str) -> tuple[int, float]:
    """The number of a corpus's videos, and their hours."""
    with snapshot.select_rows(corpus) as (_, rows):
        found = rows.aggregate("count(*), coalesce(sum(duration), 0) / 3600").fetchall()
    return int(found[0][0]), float(found[0][1])


def order_rows(
    snapshot: Snapshot, corpus: str, wheres: Sequence[str], sort: str | None, descending: bool
) -> np.ndarray:
    """The row numbers (n,) int32 of the videos that meet the conditions, in order.

    They come in the order of their sources, or by a column; videos without a value come last. A
    UserError for a column that there is none of.
    """
    with snapshot.select_rows(corpus, wheres) as (_, rows):
        if sort is not None and sort not in rows.columns:
            raise UserError(f"cannot sort by {sort!r}: no video of {corpus} has such a column")
        if sort is not None:
            direction = "DESC" if descending else "ASC"
            rows = rows.order(f"{quote_name(sort)} {direction} NULLS LAST, {ROW}")
        else:
            rows = rows.order(f"{ROW} {'DESC' if descending else 'ASC'}")
        return rows.project(ROW).fetchnumpy()[ROW].astype(np.int32)


def read_rows(snapshot: Snapshot, corpus: str, numbers: np.ndarray) -> list[dict[str, Any]]:
    """The videos of a few row numbers, in this order."""
    wanted = [int(number) for number in numbers]
    by_number = {row.pop(ROW): row for row in snapshot.read_rows(corpus, wanted)}
    return [by_number[number] for number in wanted if number in by_number]


def read_by_key(
    snapshot: Snapshot, corpus: str, key: str, wanted: Sequence[str]
) -> list[dict[str, Any]]:
    """The videos whose `key`, id or content, is one of a few, in the order of their sources."""
    with snapshot.open() as connection:
        numbers = snapshot.find_candidates(connection, corpus, key, wanted)
    kept = set(wanted)
    return [row for row in read_rows(snapshot, corpus, numbers) if row[key] in kept]


def find_rows(snapshot: Snapshot, corpus: str, key: str, wanted: Sequence[str]) -> np.ndarray:
    """The row numbers of the videos whose `key` is one of any number of texts, in order."""
    with snapshot.select_rows(corpus) as (connection, rows):
        kept = keep_listed(connection, rows, **{key: wanted})
        found: np.ndarray = kept.order(ROW).project(ROW).fetchnumpy()[ROW]
    return found.astype(np.int32)


def describe_column(
    snapshot: Snapshot, corpus: str, column: Column, wheres: Sequence[str]
) -> Facet:
    """What a column holds of the videos that meet the conditions."""
    with snapshot.select_rows(corpus, wheres) as (_, rows):
        name = quote_name(column.name)
        if column.kind == "range":
            return _describe_range(rows, column, name)
        text = f"{name}::VARCHAR"
        counted = rows.aggregate(f"{text} AS value, count(*) AS videos", text)
        total, missing = rows.aggregate(f"count(*), count(*) - count({name})").fetchall()[0]
        top = counted.filter("value IS NOT NULL").order("videos DESC, value").limit(VALUES)
        pairs = tuple((value, int(videos)) for value, videos in top.fetchall())
    others = int(total) - int(missing) - sum(videos for _, videos in pairs)
    return Facet(column.name, "values", pairs, missing=int(missing), others=others)


def _describe_range(rows: duckdb.DuckDBPyRelation, column: Column, name: str) -> Facet:
    is_date = column.type.lower() in DATES
    number = f"epoch({name}::TIMESTAMP)" if is_date else f"{name}::DOUBLE"
    numbers = rows.project(f"{number} AS n").filter("n IS NULL OR isfinite(n)")
    low, high, missing = numbers.aggregate("min(n), max(n), count(*) - count(n)").fetchall()[0]
    if low is None:
        return Facet(column.name, "range", missing=int(missing), is_date=is_date)
    width = (float(high) - float(low)) / BINS or 1.0
    place = f"least(floor((n - {float(low)!r}) / {width!r}), {BINS - 1})::INTEGER"
    kept = numbers.filter("n IS NOT NULL")
    counts = dict(kept.aggregate(f"{place} AS bin, count(*)", place).fetchall())
    bins = tuple(int(counts.get(each, 0)) for each in range(BINS))
    return Facet(column.name, "range", (), float(low), float(high), bins, int(missing), 0, is_date)


def _choose_kind(rows: duckdb.DuckDBPyRelation, name: str, type: str) -> str:
    if type in NUMBERS or type.startswith("decimal") or type in DATES:
        return "range"
    if name in PLAIN or type not in ("varchar", "boolean"):
        return "none"
    distinct = rows.aggregate(f"approx_count_distinct({quote_name(name)})").fetchall()[0][0]
    return "values" if 0 < distinct <= MAX_DISTINCT else "none"


@contextmanager
def select_numbered(
    snapshot: Snapshot, corpus: str, numbers: np.ndarray
) -> Iterator[duckdb.DuckDBPyRelation]:
    """The videos of any number of row numbers, in the order of their sources."""
    with snapshot.select_rows(corpus) as (connection, rows):
        connection.register("wanted_rows", pa.table({ROW: np.asarray(numbers, np.int32)}))
        kept = rows.join(connection.table("wanted_rows"), ROW, how="semi").order(ROW)
        yield kept.select(duckdb.StarExpression(exclude=[ROW]))


def read_values(
    snapshot: Snapshot, corpus: str, column: Column, contents: Sequence[str]
) -> dict[str, Any]:
    """The value of a column of each content's first video: a number, or text; None without one."""
    name = quote_name(column.name)
    if column.kind == "range":
        is_date = column.type.lower() in DATES
        name = f"epoch({name}::TIMESTAMP)" if is_date else f"{name}::DOUBLE"
    else:
        name = f"{name}::VARCHAR"
    with snapshot.select_rows(corpus) as (connection, rows):
        values = {"wanted": list(contents)}
        wanted = connection.sql("SELECT unnest($wanted) AS content", params=values)
        kept = rows.join(wanted, "content", how="semi")
        found = kept.aggregate(f"content, arg_min({name}, {ROW}) AS value", "content")
        return dict(found.fetchall())
