"""Processes that outlive the command that starts them, found again and ended by their pids."""

import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from data.store.signals import allow_interrupts
from tasks.service import rotate

TERMINATE_S, LEFTOVER_S = 30.0, 5.0  # patience with the process, and with what it left behind


@dataclass(frozen=True, slots=True)
class Process:
    """A process that we started; `born` tells it from a later process with the same pid."""

    name: str
    pid: int
    born: float

    @property
    def alive(self) -> bool:
        """Whether it is running; a zombie is not."""
        try:
            process = psutil.Process(self.pid)
            return process.create_time() == self.born and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


def spawn_process(
    name: str, words: list[str], log: Path, folder: Path, environment: Mapping[str, str]
) -> Process:
    """Starts a program in `folder`, in a session of its own, its output appended to the log.

    A log that has grown to 5 MB is moved aside; three such files are kept.
    """
    log.touch()  # whoever waits for a line may look before there is one
    keep_log = [sys.executable, "-I", "-S", rotate.__file__, str(log)]
    # Prefect's worker stops by sending itself an interrupt: ignoring those, it would have to be
    # killed. Processes that a shell starts in the background inherit ignored interrupts.
    with allow_interrupts():
        keeper = subprocess.Popen(
            keep_log, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            cwd=folder, start_new_session=True,
        )  # fmt: skip
        assert keeper.stdin is not None
        with keeper.stdin as out:
            process = subprocess.Popen(
                words, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=out,
                stderr=out, start_new_session=True,
            )  # fmt: skip
    return Process(name, process.pid, psutil.Process(process.pid).create_time())


def end_process(process: Process) -> None:
    """Terminates a process, then what it left behind, and kills what still runs after that."""
    parent = psutil.Process(process.pid)
    family = [parent, *parent.children(recursive=True)]
    parent.terminate()
    psutil.wait_procs([parent], timeout=TERMINATE_S)
    _, left = psutil.wait_procs(family, timeout=0)
    for stop in (psutil.Process.terminate, psutil.Process.kill):
        for each in left:
            with suppress(psutil.NoSuchProcess):
                stop(each)
        _, left = psutil.wait_procs(left, timeout=LEFTOVER_S)
