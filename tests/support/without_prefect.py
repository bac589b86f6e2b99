"""The command line with flows and tasks as plain functions, and with places at which it dies.

Imported only by the server that `commands` starts: it changes modules for good.
"""

import ctypes
import fnmatch
import os
import re
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import IO

import prefect


def _flow(function: Callable | None = None, **skin: object) -> Callable:
    return function if function is not None else lambda function: function


def _task(function: Callable | None = None, **skin: object) -> Callable:
    if function is None:
        return _task
    threads = ThreadPoolExecutor(4)
    function.submit = lambda *args: threads.submit(function, *args)
    return function


prefect.flow, prefect.task = _flow, _task

import autofaiss  # noqa: E402, F401
import faiss  # noqa: E402, F401
import torch  # noqa: E402, F401

import flows.embed  # noqa: E402
import flows.generate  # noqa: E402
import flows.index  # noqa: E402
import flows.ingest  # noqa: E402
import flows.pipeline  # noqa: E402
import flows.pool  # noqa: E402
import flows.retry  # noqa: E402, F401
import tasks.embed.canary  # noqa: E402
from data.catalog.database import Catalog  # noqa: E402
from data.records import Video  # noqa: E402
from data.store.storage import Store  # noqa: E402
from flows.cli import main as command  # noqa: E402

# Real clips would make every decoder import torch: 3 s a run.
FAKE_CANARY = [Video(f"canary-{n}", f"fake://canary{n}", "") for n in "ab"]

LAYERS = ("data", "engines", "tasks", "flows")
CLONE_NEWUTS = 0x04000000  # host names of one's own


@dataclass(frozen=True)
class Moment:
    """The `nth` time that something is about to be, half, or has been written.

    `name` is a pattern of files in the store, of full paths that a draft replaces ("before" and
    "after" only), or `catalogue:TABLE`.
    """

    when: str
    name: str
    nth: int = 1


def main(words: list[str], environment: dict[str, str], out: Path, moment: Moment | None) -> None:
    """Runs a command with its output in `out`."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored below a job in background
    os.environ.update(environment)
    if "REELFLOW_REAL_CANARY" not in environment:
        tasks.embed.canary._write_clips = lambda store: FAKE_CANARY
    for fd, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(out / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), fd)
    _be(environment.get("REELFLOW_HOST"), float(environment.get("REELFLOW_AHEAD_S", "0")))
    if moment:
        _dying_at(moment)
    sys.argv = ["reelflow", *words]
    command.main()


def _be(host: str | None, ahead_s: float) -> None:
    """Another machine: with a name and a clock of its own, as far as this user may give them."""
    libc = ctypes.CDLL(None)
    if host and libc.unshare(CLONE_NEWUTS) == 0:
        socket.sethostname(host)
    real = time.time
    time.time = lambda: real() + ahead_s

    class Ahead(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime.now(tz) + timedelta(seconds=ahead_s)

    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in LAYERS and getattr(module, "datetime", None) is datetime:
            module.datetime = Ahead


def _dying_at(moment: Moment) -> None:
    seen: Counter[str] = Counter()

    def reach(when: str, name: str) -> None:
        if when == moment.when and fnmatch.fnmatch(name, moment.name):
            seen[when] += 1
            if seen[when] == moment.nth:
                os.kill(os.getpid(), signal.SIGKILL)

    create, insert, execute = Store.create, Catalog.insert, Catalog.execute
    replace = os.replace

    def dying_replace(draft: str | Path, target: str | Path) -> None:
        reach("before", str(target))
        replace(draft, target)
        reach("after", str(target))

    @contextmanager
    def dying_create(store: Store, name: str) -> Iterator[IO[bytes]]:
        reach("before", name)
        with create(store, name) as out:
            yield out
            out.flush()
            reach("during", name)
        reach("after", name)

    def dying_insert(catalog: Catalog, table: str, incoming: object) -> None:
        insert(catalog, table, incoming)
        reach("during", f"catalogue:{table}")

    def dying_execute(catalog: Catalog, text: str, **values: object) -> list[tuple]:
        rows = execute(catalog, text, **values)
        if into := re.search(r"^INSERT INTO (\w+)", text, re.MULTILINE):
            reach("during", f"catalogue:{into[1]}")
        return rows

    os.replace = dying_replace
    Store.create, Catalog.insert, Catalog.execute = dying_create, dying_insert, dying_execute
