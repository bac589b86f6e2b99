"""What a condition may not do: it comes from whoever may start a run, or write a prompt."""

import time
from pathlib import Path

import pyarrow as pa
import pytest

from data.catalog import conditions, filters
from data.catalog.database import open_catalog
from data.catalog.filters import select_videos
from data.errors import UserError

HARMLESS = [
    ("true", 4),
    ("fps > 21 and source = 'news'", 1),
    ("source = 'news' -- as it is told", 2),
    ("list_contains(['1', '2'], id)", 2),
    ("len(list_filter([fps], lambda f: f > 20)) = 1", 2),
    ('uri not like \'%"class":"SUBQUERY"%\'', 4),
    ("fps between 20 and 22 and source in ('news', 'web') and uri is not null", 3),
    ("lower(source) like 'n%' or source ilike 'W_b'", 4),
    ("case when fps > 20.5 then true else length(id) > 9 end", 2),
    ("coalesce(nullif(source, 'web'), 'x') = 'news' and not contains(source, 'z')", 2),
    ("regexp_matches(source, '^n') and starts_with(uri, '/') and abs(-fps) > 20", 1),
    ("try_cast(id as integer) >= 3 and round(fps)::int % 2 = 0", 2),
    ("year(date '2020-05-01' + interval 3 day) = 2020 and date_diff('day', now(), now()) = 0", 4),
    ("len(list_filter([1, 2], lambda x, i: x = i)) = 2", 4),
    ("current_date > date '2020-01-01'", 4),
    ("""json_extract_string('{"a": 1}', '$.a') = '1' and '{"a": 2}'::json->>'a' = '2'""", 4),
    ("id similar to '[12]' and uri is distinct from 'x' and not id = '2'", 1),
    ("left(source, 1) = 'n' and extract(year from timestamp '2021-01-01') = 2021", 2),
]
BOMBS = [
    "sleep_ms(600000) IS NULL",
    "length(repeat('x', 3000000000)) > 0",
    "length(lpad(id, 3000000000, 'x')) > 0",
    "len(range(3000000000)) > 0",
    "length(replace(source, '', 'xxxxxxxx')) > 0",
    "len(list_filter([[1]], lambda a: len([a, a]) > 1)) > 0",
    "len(list_transform([1], lambda a: a)) > 0",
    "len(list_filter([1], lambda a: len(list_filter([1], lambda b: b > a)) > 0)) > 0",
    "len(json_extract('{}', ['$', '$', '$'])) > 0",
    "length(id || id || id) > 0",
    "printf('%1000000000d', 1) = ''",
    "sum(fps) > 0",
    "count(*) OVER () > 1",
    "random() > 2",
    "not " * 9_000 + "true",
]
READING = [
    "error(json_serialize_plan('select max(corpus) from videos', optimize := true)) IS NULL",
    "json_execute_serialized_sql(json_serialize_sql('select 1')) IS NULL",
    "main.lower(source) = 'x'",
    "system.main.lower(source) = 'x'",
    "current_user = 'x'",
    "current_database() = 'x'",
    "rowid > 0",
    "corpus = 'other'",
    "len(list_filter([1], lambda current_user: true)) > 0 and current_user = 'x'",
    "len(list_filter([1], lambda (select 1): true)) > 0",
    "1::enum('x') = 'x'",
    "COLUMNS('i.*') = 'x'",
    "current_setting('memory_limit') <> ''",
    "GETVARIABLE('a') IS NULL",
    "write_log('x') IS NULL",
    "(SELECT count(*) FROM read_csv('/etc/passwd')) > 0",
    "id IN (SELECT content FROM read_text('/etc/hostname'))",
    "EXISTS (FROM '/etc/passwd')",
    "EXISTS (FROM glob('/etc/*'))",
    "EXISTS (FROM 's3://bucket/table.parquet')",
    "EXISTS (FROM query('SELECT 1'))",
    "EXISTS (FROM query_table('videos'))",
    "EXISTS (FROM duckdb_settings())",
    "EXISTS (FROM duckdb_secrets())",
    "EXISTS (FROM pragma_table_info('videos'))",
    "EXISTS (FROM videos WHERE corpus = 'other')",
    "EXISTS (SELECT * FROM information_schema.tables)",
    "EXISTS (FROM PLANTED)",
    "EXISTS (FROM checkpoint())",
    "list_transform([1], lambda x: (SELECT max(id) FROM videos)) = ['z']",
    "array(SELECT id FROM videos) = []",
    "CASE WHEN fps > ALL (SELECT fps FROM videos) THEN true END",
    "(WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT max(n) FROM t) > 0",
    "getenv('HOME') = '/root'",
    "read_text('/etc/hostname') = ''",
    "load_aws_credentials() IS NULL",
]
ENDING = [
    "true; DROP TABLE videos",
    "true; COPY videos TO '/nowhere/videos.csv'",
    "true) OR (true",
    "true FROM videos",
    "true UNION SELECT true",
    "true LIMIT 1",
    "true, false",
    "COPY videos TO '/nowhere/videos.csv'",
    "ATTACH '/nowhere/other.db'",
    "PRAGMA database_list",
    "SET enable_external_access = true",
    "",
    "'unended",
    "true /* unended",
    "*",
    "$id = id",
    "(" * 20_000 + "true" + ")" * 20_000,
]
PLANTED = pa.table({"a": [1]})  # DuckDB finds Python's variables by name, where it may


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four videos of one corpus, one of another."""
    path = tmp_path_factory.mktemp("catalogue") / "catalog.duckdb"
    rows = [
        {"corpus": "c", "id": str(n), "uri": f"/{n}", "content": str(n), "fps": 19.0 + n,
         "columns": '{"source": "%s"}' % ("news" if n > 2 else "web")}
        for n in range(1, 4)
    ]  # fmt: skip
    rows.append(rows[-1] | {"id": "4", "uri": "/4", "content": "4", "fps": 2.0})
    rows.append(rows[-1] | {"corpus": "other"})
    with open_catalog(path) as catalog:
        catalog.insert("videos", pa.Table.from_pylist(rows))
    return path


def ids(catalogue: Path, *wheres: str) -> list[str]:
    with select_videos(catalogue, "c", wheres, wait_s=10) as videos:
        return sorted(id for (id,) in videos.project("id").fetchall())


@pytest.mark.parametrize(("where", "count"), HARMLESS)
def test_a_condition_looks_at_the_videos_and_their_source(
    catalogue: Path, where: str, count: int
) -> None:
    assert len(ids(catalogue, where)) == count


@pytest.mark.parametrize("where", READING + ENDING + BOMBS)
def test_a_condition_can_do_and_see_nothing_else(catalogue: Path, where: str) -> None:
    with pytest.raises(UserError, match="cannot use") as error:
        ids(catalogue, where)
    assert "install" not in str(error.value), "it looked elsewhere for what would do it"


def test_what_one_condition_opens_another_cannot_close(catalogue: Path) -> None:
    with pytest.raises(UserError, match="cannot use"):
        ids(catalogue, "(true", "true)")
    assert ids(catalogue, "fps > 20 or true", "source = 'news'") == ["3", "4"]


def test_a_condition_that_takes_minutes_is_ended(
    catalogue: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filters, "TIME_LIMIT_S", 0.2)
    monkeypatch.setattr(conditions, "FUNCTIONS", {"sleep_ms"})
    begun = time.monotonic()
    with pytest.raises(UserError, match=r"0\.2 s"):
        ids(catalogue, "sleep_ms(600000) IS NULL")
    assert time.monotonic() - begun < 60
    monkeypatch.undo()
    assert len(ids(catalogue, "true")) == 4


@pytest.mark.parametrize("call", ["repeat(id, 3) = ''", "getenv('HOME') = ''"])
def test_a_refusal_names_the_function_and_those_that_may_be_called(
    catalogue: Path, call: str
) -> None:
    with pytest.raises(UserError) as error:
        ids(catalogue, call)
    assert f"cannot call {call.partition('(')[0]}" in str(error.value)
    assert "starts_with" in str(error.value)


def test_a_condition_of_many_pages_is_refused_before_it_is_planned(catalogue: Path) -> None:
    where = " or ".join(f"id = 'a{n}'" for n in range(100_000))
    with pytest.raises(UserError, match="50,000"):
        ids(catalogue, where)
