"""One holder at a time, for as long as its process lives."""

import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from data.errors import UserError
from data.store.storage import disk_faults


@contextmanager
def hold(
    path: Path, what: str, wait_s: float, waiting: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Holds the lock file; the kernel frees it when the process ends, however it ends.

    Where another process holds it, waits up to `wait_s` seconds (telling `waiting` once who it
    is), then raises a UserError that names the holder.
    """
    with ExitStack() as held:
        with disk_faults(str(path.parent)):
            path.parent.mkdir(parents=True, exist_ok=True)
            file = held.enter_context(path.open("ab", buffering=0))
            _acquire(file.fileno(), path, what, time.monotonic() + wait_s, waiting)
            file.truncate(0)
            file.write(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode())
        yield


def _acquire(
    fd: int, path: Path, what: str, until: float, waiting: Callable[[str], None] | None
) -> None:
    told = False
    while True:
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not told and waiting:
                waiting(f"waiting for {_holder(path)}, which {what}")
            told = True
            if time.monotonic() > until:
                raise UserError(
                    f"{_holder(path)} {what}: wait for it, or stop it, then run this again"
                ) from None
            time.sleep(0.1)


def _holder(path: Path) -> str:
    try:
        said = json.loads(path.read_text())
        return f"process {said['pid']} on {said['host']}"
    except (OSError, ValueError, KeyError):
        return "another process"
