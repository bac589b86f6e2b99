"""Processes that outlive the command that starts them: found again, and ended, by their numbers."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

ENDS_S = 30.0


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
    with log.open("ab") as out:
        process = subprocess.Popen(
            words, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            start_new_session=True,
        )  # fmt: skip
    return Process(name, process.pid, psutil.Process(process.pid).create_time())


def end(process: Process) -> None:
    """SIGTERM to the process, and once it is gone SIGKILL to what it left behind."""
    parent = psutil.Process(process.pid)
    family = [parent, *parent.children(recursive=True)]
    parent.terminate()
    _, left = psutil.wait_procs(family, timeout=ENDS_S)
    for each in left:
        each.kill()
    psutil.wait_procs(left, timeout=ENDS_S)
