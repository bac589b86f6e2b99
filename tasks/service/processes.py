"""Processes that outlive the command that starts them: found again, and ended, by their numbers."""

import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from data.store.signals import interruptible

ENDS_S, LEFT_S = 30.0, 5.0


@dataclass(frozen=True, slots=True)
class Process:
    """A process of ours; `born` tells it from another that got its number later."""

    name: str
    pid: int
    born: float

    @property
    def alive(self) -> bool:
        try:
            process = psutil.Process(self.pid)
            return process.create_time() == self.born and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


def spawn(
    name: str, words: list[str], log: Path, folder: Path, environment: Mapping[str, str]
) -> Process:
    """A program in a session of its own, run in the folder, what it says added to the log."""
    # Prefect's worker ends by an interrupt that it sends itself, else only once it is killed.
    with log.open("ab") as out, interruptible():
        process = subprocess.Popen(
            words, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            start_new_session=True,
        )  # fmt: skip
    return Process(name, process.pid, psutil.Process(process.pid).create_time())


def end(process: Process) -> None:
    """SIGTERM to the process, once it is gone to what it left behind, and SIGKILL to what stays."""
    parent = psutil.Process(process.pid)
    family = [parent, *parent.children(recursive=True)]
    parent.terminate()
    psutil.wait_procs([parent], timeout=ENDS_S)
    _, left = psutil.wait_procs(family, timeout=0)
    for stop in (psutil.Process.terminate, psutil.Process.kill):
        for each in left:
            with suppress(psutil.NoSuchProcess):
                stop(each)
        _, left = psutil.wait_procs(left, timeout=LEFT_S)
