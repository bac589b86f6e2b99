"""Prefect's server for one command, where there is none to ask: it ends as the command does."""

import os
import subprocess
import sys
import uuid
from functools import cache

MARK = "_REELFLOW_COMMAND"  # by which a command's own is known
TEMPORARY = "PREFECT__SERVER_EPHEMERAL=1"
# Of the pipe that it reads the command has the other end, until it is gone.
WATCH = """
import os, signal, sys
sys.stdin.read()
marks = {word.encode() for word in sys.argv[1:]}
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            if marks <= set(file.read().split(b"\\0")):
                os.kill(int(pid), signal.SIGKILL)
    except OSError:
        continue
"""


@cache
def watch() -> None:
    """Has a small process end the server if this one is killed. On Linux."""
    # Asking Prefect for its settings would import it, for longer than many a command takes.
    if os.environ.get("PREFECT_API_URL") or not os.path.isdir("/proc/self"):
        return
    os.environ[MARK] = f"{os.getpid()}-{uuid.uuid4().hex}"
    reads, writes = os.pipe()
    words = [sys.executable, "-I", "-S", "-c", WATCH, f"{MARK}={os.environ[MARK]}", TEMPORARY]
    nowhere = subprocess.DEVNULL
    try:
        subprocess.Popen(words, stdin=reads, stdout=nowhere, stderr=nowhere, start_new_session=True)
    except OSError:  # no more processes: the command may do without
        os.close(writes)
    os.close(reads)
