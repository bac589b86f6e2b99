"""A fresh database for Prefect's server, as its migrations would leave it.

They take 6 s of CPU over an empty database, half of what a first command takes. The tables are
those of one version of Prefect (`tests/support/prefect_tables.py` writes the file); the server
finds nothing to migrate there, and goes on from it when a later version does.
"""

import os
import sqlite3
import tempfile
from contextlib import closing, suppress
from importlib.metadata import version
from pathlib import Path

from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL, PREFECT_HOME

TABLES = Path(__file__).with_name("prefect_tables.sql")
NAME = "prefect.db"  # Prefect's, in its home


def prepare_database(home: Path | None = None) -> None:
    """Creates the database in a home of Prefect's, by default in that of the settings.

    Not where there is one, where the settings name another, or for another version of Prefect.
    """
    usual = PREFECT_HOME.value() / NAME
    file = home.expanduser() / NAME if home else usual
    elsewhere = PREFECT_API_DATABASE_CONNECTION_URL.value() != f"sqlite+aiosqlite:///{usual}"
    if file.exists() or elsewhere:
        return
    first, _, tables = TABLES.read_text().partition("\n")
    if first == f"-- {version('prefect')}":
        with suppress(OSError, sqlite3.Error):  # the server says better what is wrong with a disk
            _create_database(file, tables)


def _create_database(file: Path, tables: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        made = Path(folder) / NAME
        with closing(sqlite3.connect(made)) as database:
            database.executescript(tables)
        os.link(made, file)  # whole at once; another command's, if that was first, stays
