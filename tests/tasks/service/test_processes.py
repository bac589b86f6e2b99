"""Processes that outlive their command: what they start with, and how they end."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from support.commands import wait_until

from tasks.service import rotate
from tasks.service.processes import end_process, spawn_process

SLEEPS = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.fixture
def background() -> Iterator[None]:
    """As in a job that a shell runs in the background: interrupts are ignored."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("background")
def test_what_a_job_in_the_background_starts_can_be_interrupted(tmp_path: Path) -> None:
    sleeping = spawn_process("sleeps", SLEEPS, tmp_path / "log", tmp_path, os.environ)
    assert (tmp_path / "log").is_file()
    try:
        os.kill(sleeping.pid, signal.SIGINT)
        psutil.wait_procs([psutil.Process(sleeping.pid)], timeout=60)
        assert not sleeping.alive
    finally:
        if sleeping.alive:
            end_process(sleeping)


def _read(log: Path) -> str:
    try:
        return log.read_text()
    except FileNotFoundError:  # it is being moved aside
        return ""


def test_a_log_is_bounded_and_what_was_said_last_is_in_it(tmp_path: Path) -> None:
    """Long lines, so that it is over quickly: 40 MB, of which four files of 5 MB are kept."""
    says = "for n in range(400): print(n, 'x' * 100_000, flush=True)"
    speaks = [sys.executable, "-c", says]
    spawn_process("speaks", speaks, tmp_path / "log", tmp_path, os.environ)
    wait_until(lambda: "399 x" in _read(tmp_path / "log"), "the last line arrived")
    sizes = {file.name: file.stat().st_size for file in tmp_path.iterdir()}
    assert sizes.keys() == {"log", "log.1", "log.2", "log.3"}
    assert max(sizes.values()) <= rotate.BYTES
