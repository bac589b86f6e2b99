"""Connections to a catalogue's file.

DuckDB takes 30 ms of CPU to start, and a stage opens the catalogue a dozen times. So a catalogue's
DuckDB stays for the process, and only the file is opened and closed, which takes 4 ms.
"""

import atexit
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

MEMORY_LIMIT = "1GB"
KEPT = 2  # a store's, and another's, as of a move

_idle: dict[Path, duckdb.DuckDBPyConnection] = {}
_lock = threading.Lock()
atexit.register(_idle.clear)  # while there is an interpreter to free them


@contextmanager
def attach_file(path: Path, keep: bool = True) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the file at `path`, made where there is none; it is closed after the block.

    Without `keep`, its DuckDB ends as well: the file is not opened again. A duckdb.Error where that
    is no such file, or another process has it open.
    """
    with _lock:
        started = _idle.pop(path, None)
    started = started or _start(path.parent)
    try:
        with started.cursor() as connection:
            connection.execute("ATTACH $file AS catalogue", {"file": str(path)})
            connection.execute("USE catalogue")
            yield connection
        started.execute("DETACH catalogue")
    except BaseException:
        started.close()  # the file too; after some errors this DuckDB could do nothing more
        raise
    if not keep:
        return started.close()
    with _lock:
        _idle[path] = started
        surplus = [_idle.pop(next(iter(_idle))) for _ in range(len(_idle) - KEPT)]
    for each in surplus:
        each.close()


def _start(folder: Path) -> duckdb.DuckDBPyConnection:
    spill = str(folder / ".duckdb-tmp")
    return duckdb.connect(
        ":memory:", config={"memory_limit": MEMORY_LIMIT, "temp_directory": spill}
    )
