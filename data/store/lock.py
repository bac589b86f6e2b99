"""A lock file: one holder at a time on a machine, for as long as its process lives."""

import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from data.errors import UserError
from data.store.disk_errors import translate_disk_errors


@contextmanager
def hold_lock(
    path: Path, activity: str, wait_s: float, on_wait: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Holds the lock file; the kernel frees it when the process ends, however it ends.

    If another process holds it, waits up to `wait_s` seconds (`on_wait` gets one message that
    names the holder and its `activity`), then raises a UserError that names the holder.
    """
    with ExitStack() as files:
        with translate_disk_errors(str(path.parent)):
            path.parent.mkdir(parents=True, exist_ok=True)
            file = files.enter_context(path.open("ab", buffering=0))
            _acquire(file.fileno(), path, activity, time.monotonic() + wait_s, on_wait)
            # Only for messages: the lock itself is the kernel's, so a stale pid blocks nobody.
            file.truncate(0)
            file.write(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode())
        yield


def _acquire(
    fd: int, path: Path, activity: str, deadline: float, on_wait: Callable[[str], None] | None
) -> None:
    has_notified = False
    while True:
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not has_notified and on_wait:
                on_wait(f"waiting for {_describe_holder(path)}, which {activity}")
            has_notified = True
            if time.monotonic() > deadline:
                raise UserError(
                    f"{_describe_holder(path)} {activity}: wait for it, or stop it, then run"
                    " this again"
                ) from None
            time.sleep(0.1)


def _describe_holder(path: Path) -> str:
    try:
        holder = json.loads(path.read_text())
        return f"process {holder['pid']} on {holder['host']}"
    except (OSError, ValueError, KeyError):  # it has the lock and is just writing who it is
        return "another process"
