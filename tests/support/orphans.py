"""Servers that a worker of the tests leaves behind when it dies: they end with the tests.

They hold the terminal's output; whoever waits for its end, as CI does, would wait for ever.
"""

import os
import uuid
from contextlib import suppress

import psutil

MARK = "TESTS_OF_REELFLOW"  # a variable that all processes of one run of the tests inherit


def mark_processes() -> None:
    """Marks all that this process starts from now on."""
    os.environ[MARK] = uuid.uuid4().hex


def end_orphans() -> None:
    """Kills all marked processes but this one."""
    left = [process for process in psutil.process_iter() if _is_marked(process)]
    for process in left:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(left, timeout=10)


def _is_marked(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return process.pid != os.getpid() and process.environ().get(MARK) == os.environ[MARK]
    return False
