"""Ends the temporary server that Prefect starts for a command when there is none to connect to.

Prefect ends it with the command, except if that is killed.
"""

import os
import subprocess
import sys
import uuid
from functools import cache

MARK = "_REELFLOW_COMMAND"  # environment variable that marks what a command started
EPHEMERAL = "PREFECT__SERVER_EPHEMERAL=1"
# It reads a pipe whose other end the command holds: the read returns when the command is gone.
WATCHDOG = """
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
def start_watchdog() -> None:
    """Starts a small process that ends the server if this process is killed; on Linux only."""
    # Importing Prefect to ask for its settings would take longer than many commands.
    if os.environ.get("PREFECT_API_URL") or not os.path.isdir("/proc/self"):
        return
    os.environ[MARK] = f"{os.getpid()}-{uuid.uuid4().hex}"
    read_end, write_end = os.pipe()
    words = [sys.executable, "-I", "-S", "-c", WATCHDOG, f"{MARK}={os.environ[MARK]}", EPHEMERAL]
    nowhere = subprocess.DEVNULL
    try:
        subprocess.Popen(
            words, stdin=read_end, stdout=nowhere, stderr=nowhere, start_new_session=True
        )
    except OSError:  # no more processes: the command can do without
        os.close(write_end)
    os.close(read_end)
