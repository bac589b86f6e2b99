"""Limits of a decoder process: it ends with its parent, and has a memory limit."""

import ctypes
import os
import select
import signal
import socket
import sys
import threading
from pathlib import Path

PR_SET_PDEATHSIG = 1


def die_with_parent(sock: socket.socket) -> None:
    """Ends this process when the parent ends, even while a codec hangs."""
    # Each way has a gap: prctl is Linux only; the thread needs the GIL, which a codec may hold.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_exit_on_hangup, args=(sock.fileno(),), daemon=True).start()


def _exit_on_hangup(fd: int) -> None:
    hangup = select.poll()
    hangup.register(fd, getattr(select, "POLLRDHUP", 0) | select.POLLHUP)
    hangup.poll()
    os._exit(0)


def disable_core_dumps() -> None:
    """Keeps a codec that crashes from leaving gigabytes behind."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def limit_memory(gigabytes: float) -> None:
    """Makes allocation fail at so much more than is in use now: a bomb fails its video only.

    What the imports use is not counted: 0.1 GB for PyAV, 0.8 GB with torch.
    """
    import resource

    # Not RLIMIT_AS: torch maps gigabytes of libraries that it never touches.
    bounded = gigabytes != float("inf")
    limit = _data_bytes_in_use() + int(gigabytes * 2**30) if bounded else resource.RLIM_INFINITY
    resource.setrlimit(resource.RLIMIT_DATA, (limit, resource.RLIM_INFINITY))


def _data_bytes_in_use() -> int:
    try:
        pages = Path("/proc/self/statm").read_text().split()[5]
    except FileNotFoundError:  # no /proc, as on macOS: more than the imports use anywhere
        return 1 << 30
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
