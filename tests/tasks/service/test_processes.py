"""Processes that outlive their command: what they start with, and how they end."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

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
    try:
        os.kill(sleeping.pid, signal.SIGINT)
        psutil.wait_procs([psutil.Process(sleeping.pid)], timeout=60)
        assert not sleeping.alive
    finally:
        if sleeping.alive:
            end_process(sleeping)
