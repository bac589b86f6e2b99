"""Prefect's tables as its own migrations make them.

`PYTHONPATH=tests python tests/support/prefect_tables.py` writes them for the installed version.
"""

import os
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

MIGRATE = """
import asyncio
from prefect.server.database import provide_database_interface
asyncio.run(provide_database_interface().create_db())
"""


def migrated() -> str:
    """The statements that make a database as `prefect.server` makes one of nothing."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"PREFECT_HOME": folder}
        subprocess.run([sys.executable, "-c", MIGRATE], env=environment, check=True)
        with closing(sqlite3.connect(Path(folder) / "prefect.db")) as database:
            return f"-- {version('prefect')}\n" + "\n".join(database.iterdump()) + "\n"


if __name__ == "__main__":
    from tasks.service.fresh_database import TABLES

    TABLES.write_text(migrated())
