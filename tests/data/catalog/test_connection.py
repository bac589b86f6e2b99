"""One DuckDB for all openings of a catalogue, of which each leaves the file to others."""

from pathlib import Path

import duckdb
import pytest

from data.catalog import connection
from data.catalog.connection import KEPT, attach_file
from data.catalog.database import open_scratch


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What DuckDB was started for."""
    found: list[str] = []
    start = connection._start

    def count(folder: Path) -> duckdb.DuckDBPyConnection:
        found.append(folder.name)
        return start(folder)

    monkeypatch.setattr(connection, "_start", count)
    return found


def write(path: Path, value: int) -> None:
    with attach_file(path) as opened:
        opened.execute("CREATE TABLE IF NOT EXISTS written (value INTEGER)")
        opened.execute("INSERT INTO written VALUES ($value)", {"value": value})


def assert_free(path: Path, values: list[int]) -> None:
    """Another DuckDB opens it, and it is whole without a log beside it."""
    with duckdb.connect(str(path)) as other:
        assert other.execute("SELECT value FROM written ORDER BY value").fetchall() == [
            (value,) for value in values
        ]
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_it_starts_once_and_the_file_is_free_each_time(tmp_path: Path, starts: list[str]) -> None:
    for number in range(3):
        write(tmp_path / "it's.duckdb", number)
        assert_free(tmp_path / "it's.duckdb", list(range(number + 1)))
    assert starts == [tmp_path.name]


def test_an_error_leaves_what_was_committed_and_a_free_file(tmp_path: Path) -> None:
    path = tmp_path / "catalog.duckdb"
    write(path, 1)
    with pytest.raises(ZeroDivisionError), attach_file(path) as opened:
        opened.begin()
        opened.execute("INSERT INTO written VALUES (2)")
        raise ZeroDivisionError
    assert_free(path, [1])
    write(path, 3)
    assert_free(path, [1, 3])


def test_what_is_no_catalogue_is_an_error_until_it_is_mended(tmp_path: Path) -> None:
    path = tmp_path / "catalog.duckdb"
    path.write_bytes(b"no catalogue" * 2000)
    for _ in range(2):
        with pytest.raises(duckdb.IOException), attach_file(path):
            raise AssertionError("it was opened")
    path.unlink()
    write(path, 1)
    assert_free(path, [1])


def test_what_a_connection_made_for_itself_goes_with_it(tmp_path: Path) -> None:
    path = tmp_path / "catalog.duckdb"
    write(path, 1)
    with attach_file(path) as opened:
        opened.execute("CREATE TEMP TABLE passing AS SELECT 1 AS value")
    with attach_file(path) as opened, pytest.raises(duckdb.CatalogException):
        opened.execute("FROM passing")


def test_few_are_kept(tmp_path: Path, starts: list[str]) -> None:
    folders = [tmp_path / str(number) for number in range(KEPT + 1)]
    for folder in folders:
        folder.mkdir()
    for folder in (*folders, folders[-1], folders[0]):
        write(folder / "catalog.duckdb", 1)
    assert starts == [*(folder.name for folder in folders), "0"]


def test_scratch_databases_are_not_kept_in_place_of_a_catalogues(
    tmp_path: Path, starts: list[str]
) -> None:
    write(tmp_path / "catalog.duckdb", 1)
    for _ in range(KEPT):
        with open_scratch() as scratch:
            scratch.execute("CREATE TABLE passing AS SELECT 1 AS value")
    write(tmp_path / "catalog.duckdb", 2)
    assert starts.count(tmp_path.name) == 1 and len(starts) == 1 + KEPT
