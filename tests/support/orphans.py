"""Servers that a worker of the tests leaves behind when it dies: they end with the tests.

They hold the terminal's output; whoever waits for its end, as CI does, would wait for ever.
"""

import ctypes
import sys
from contextlib import suppress

import psutil

PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Processes below this one become its children when their parents die (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


def end_orphans() -> None:
    """Kills all that is left below this process."""
    left = psutil.Process().children(recursive=True)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=10)
