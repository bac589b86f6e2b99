import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from data.errors import UserError
from data.store.lock import hold_lock

HOLD = """
import sys, time, pathlib
from data.store.lock import hold_lock
with hold_lock(pathlib.Path(sys.argv[1]), "holds it", 0):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen]:
    """Another process that holds the lock."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_who_holds_the_lock_is_named(holder, tmp_path: Path) -> None:
    told: list[str] = []
    with pytest.raises(UserError, match=f"process {holder.pid} on .* holds it"):
        with hold_lock(tmp_path / "lock", "holds it", 0.2, told.append):
            pass
    assert len(told) == 1
    assert told[0].startswith(f"waiting for process {holder.pid}")


def test_the_lock_of_a_killed_process_is_free_at_once(holder, tmp_path: Path) -> None:
    os.kill(holder.pid, signal.SIGKILL)
    with hold_lock(tmp_path / "lock", "holds it", 30):
        pass


def test_a_lock_can_be_held_again(tmp_path: Path) -> None:
    for _ in range(2):
        with hold_lock(tmp_path / "lock", "holds it", 0):
            pass
