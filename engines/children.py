"""Child processes that end with their parent: decoders, and an engine's worker."""

import ctypes
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
BOOT_SCRIPT = "import sys; sys.path.insert(0, sys.argv[1]); from {} import main; main()"
PR_SET_PDEATHSIG = 1


def start_child(
    module: str, environment: Mapping[str, str] | None = None, stderr: int | None = None
) -> tuple[subprocess.Popen, socket.socket]:
    """Starts `main` of a module in a process; that, and our end of the socket to it.

    The kernel kills a child when the *thread* that started it ends: call this in a thread that
    lives as long as the child may.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        fd, quiet = theirs.fileno(), subprocess.DEVNULL
        command = [sys.executable, "-c", BOOT_SCRIPT.format(module), str(ROOT), str(fd)]
        process = subprocess.Popen(
            command, stdin=quiet, stdout=quiet, stderr=stderr, pass_fds=[fd], env=environment
        )
    return process, ours


def open_parent_socket() -> socket.socket:
    """In the child: its end of the socket. From now on it ends when the parent ends."""
    sock = socket.socket(fileno=int(sys.argv[2]))
    _die_with_parent(sock)
    _disable_core_dumps()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    return sock


def _die_with_parent(sock: socket.socket) -> None:
    """Ends this process when the parent ends, even while native code hangs."""
    # Each way has a gap: prctl is Linux only; the thread needs the GIL, which a codec may hold.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_exit_on_hangup, args=(sock.fileno(),), daemon=True).start()


def _exit_on_hangup(fd: int) -> None:
    hangup = select.poll()
    hangup.register(fd, getattr(select, "POLLRDHUP", 0) | select.POLLHUP)
    hangup.poll()
    os._exit(0)


def _disable_core_dumps() -> None:
    """Keeps a process that crashes from leaving gigabytes behind."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
