"""Runs `reelflow` in processes of its own: plainly and at once, or as users do."""

import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

from engines.video.guard import worker
from support.paths import REPOSITORY

DECODER = worker.__name__  # what a decoder process has in its command line
PATIENCE_S = 240.0  # a slow, busy machine; nothing waits so long where all is well


@dataclass(frozen=True)
class Result:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


class Run:
    """A command under way; `process` has `pid`, `kill()` and, once ended, an exit code."""

    def __init__(self, process: Any, folder: Path) -> None:
        self.process, self.folder, self.pid = process, folder, process.pid

    @property
    def out(self) -> str:
        return self._said("stdout")

    @property
    def err(self) -> str:
        return self._said("stderr")

    def alive(self) -> bool:
        return self._code() is None

    def kill(self) -> "Run":
        self.process.kill()
        self.ended()
        return self

    def ended(self) -> Result:
        wait_until(lambda: not self.alive(), f"the command ended; it said {self.err}")
        return Result(self._code(), self.out, self.err)

    def _code(self) -> int | None:
        if isinstance(self.process, subprocess.Popen):
            return self.process.poll()
        self.process.join(0)
        return self.process.exitcode

    def _said(self, name: str) -> str:
        file = self.folder / name
        return file.read_text() if file.exists() else ""


class Shop:
    """One store, and the commands run on it."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.folder, self._count = folder, 0
        usual = {"ROOT": folder / "store", "RUNNER": "in_process", "DECODERS": 1, "SHARD_SIZE": 4}
        self.settings = usual | settings
        self.root = Path(str(self.settings["ROOT"]))

    def start(self, *words: str, dies: tuple = (), **settings: object) -> Run:
        """Starts a command without Prefect; it may die at a `without_prefect.Moment`."""
        folder = self._room()
        process = _server().Process(
            target=_started,
            args=(list(words), self._environment(settings), folder, dies),
        )
        process.start()
        return Run(process, folder)

    def start_real(self, *words: str, **settings: object) -> Run:
        """Starts the command as a user does."""
        folder = self._room()
        with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
            process = subprocess.Popen(
                [sys.executable, "-m", "flows.cli.main", *words], cwd=REPOSITORY,
                env=self._environment(settings), stdout=out, stderr=err,
            )  # fmt: skip
        return Run(process, folder)

    def run(self, *words: str, **how: Any) -> Result:
        return self.start(*words, **how).ended()

    def ok(self, *words: str, **how: Any) -> Result:
        result = self.run(*words, **how)
        assert result.code == 0, result.err
        return result

    def run_each(self, runs: Sequence[tuple[tuple[str, ...], tuple]], module: str) -> list[Result]:
        """Runs commands, each with the moment at which it dies or (), one after the other.

        Each is a fork of one process that has imported `module`: heavy imports are paid for once.
        """
        jobs = [(list(words), dies, self._room()) for words, dies in runs]
        process = _server().Process(target=_start_each, args=(jobs, module, self._environment({})))
        process.start()
        process.join()
        return [
            Result(int((room / "code").read_text()), (room / "stdout").read_text(),
                   (room / "stderr").read_text())
            for _, _, room in jobs
        ]  # fmt: skip

    def json(self, *words: str) -> Any:
        return json.loads(self.ok(*words, "--json").out)

    def _room(self) -> Path:
        self._count += 1
        folder = self.folder / f"command-{self._count}"
        folder.mkdir()
        return folder

    def _environment(self, settings: dict[str, object]) -> dict[str, str]:
        named = self.settings | settings
        return os.environ | {f"REELFLOW_{name}": str(value) for name, value in named.items()}


def wait_until(true: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """What the condition gives once it holds; an error that says what never came."""
    due = time.monotonic() + patience_s
    while not (found := true()):
        assert time.monotonic() < due, f"waited {patience_s:g} s until {what}"
        time.sleep(0.02)
    return found


def children(pid: int, having: str) -> list[int]:
    """The processes below a process whose command line has this text."""
    import psutil

    found = []
    for child in psutil.Process(pid).children(recursive=True):
        try:
            if having in " ".join(child.cmdline()):
                found.append(child.pid)
        except psutil.Error:
            continue
    return found


def runs(pid: int) -> bool:
    """Whether there is such a process, and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] != "Z"
    except FileNotFoundError:
        return False


def _started(words: list[str], environment: dict[str, str], folder: Path, dies: tuple) -> None:
    from support import without_prefect

    moment = without_prefect.Moment(*dies) if dies else None
    without_prefect.main(words, environment, folder, moment)


def _start_each(
    jobs: list[tuple[list[str], tuple, Path]], module: str, environment: dict[str, str]
) -> None:
    import importlib

    importlib.import_module(module)
    for words, dies, room in jobs:
        if (pid := os.fork()) == 0:
            code = 1
            try:
                _started(words, environment, room, dies)
                code = 0
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else int(end.code is not None)
            finally:
                os._exit(code)
        (room / "code").write_text(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])))


@cache
def _server() -> Any:
    """Forks processes that have everything imported: each would take 4 s for that alone."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["support.without_prefect"])
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "tests")])
    try:
        forkserver.ensure_running()
    finally:
        os.environ.pop("PYTHONPATH")
        if before is not None:
            os.environ["PYTHONPATH"] = before
    return context
