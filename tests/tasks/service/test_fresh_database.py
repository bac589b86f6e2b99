"""The database that a first command begins with is the one that Prefect would have made."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from contextvars import copy_context
from pathlib import Path

import pytest
from prefect.settings import (
    PREFECT_API_DATABASE_CONNECTION_URL,
    PREFECT_HOME,
    temporary_settings,
)
from support.prefect_tables import migrated

from tasks.service import fresh_database
from tasks.service.fresh_database import NAME, TABLES, prepare_database


@pytest.fixture(autouse=True)
def own_settings() -> Iterator[None]:
    """Prefect's usual database: tests that share a server name another."""
    with temporary_settings(restore_defaults={PREFECT_API_DATABASE_CONNECTION_URL}):
        yield


@pytest.mark.slow
def test_the_tables_are_those_of_the_installed_prefects_migrations() -> None:
    """Where Prefect has a new version, tests/support/prefect_tables.py writes them anew."""
    assert statements(TABLES.read_text()) == statements(migrated())


def statements(text: str) -> list[list[str]]:
    """The lines of each; indices, and the constraints of a table, come in any order."""
    found = [[line.strip(" \t,") for line in each.splitlines()] for each in text.split(";\n")]
    return sorted(map(sorted, found))


def test_a_home_without_a_database_gets_one(tmp_path: Path) -> None:
    prepare_database(tmp_path / "new")
    [made] = (tmp_path / "new").iterdir()
    with closing(sqlite3.connect(made)) as database:
        assert database.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)
        assert database.execute("SELECT count(*) FROM flow_run").fetchone() == (0,)


def test_a_home_is_named_as_in_a_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    prepare_database(Path("~/prefect"))
    assert (tmp_path / "prefect" / NAME).exists()


def test_a_database_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"mine")
    prepare_database(tmp_path)
    assert (tmp_path / NAME).read_bytes() == b"mine"


def test_of_commands_that_start_at_once_the_first_makes_it(tmp_path: Path) -> None:
    settings = [copy_context() for _ in range(8)]  # a thread has none of its own
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda each: each.run(prepare_database, tmp_path), settings))
    assert [file.name for file in tmp_path.iterdir()] == [NAME]


def test_the_home_of_the_settings_is_meant_where_none_is_named(tmp_path: Path) -> None:
    with temporary_settings({PREFECT_HOME: tmp_path}):
        prepare_database()
    assert (tmp_path / NAME).exists()


def test_none_is_made_beside_another_database(tmp_path: Path) -> None:
    there = "postgresql+asyncpg://reader@127.0.0.1/prefect"
    with temporary_settings({PREFECT_API_DATABASE_CONNECTION_URL: there}):
        prepare_database(tmp_path)
    assert not list(tmp_path.iterdir())


def test_another_version_of_prefect_makes_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fresh_database, "version", lambda _: "99.0")
    prepare_database(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_home_that_cannot_be_written_to_is_left_to_the_server(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    prepare_database(tmp_path / "file")
