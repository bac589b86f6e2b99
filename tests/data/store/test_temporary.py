import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.paths import REPOSITORY

from data.store import temporary
from data.store.temporary import TemporaryFolder, remove_abandoned

HOLD = f"""
import sys, time
sys.path.insert(0, {str(REPOSITORY)!r})
from data.store.temporary import TemporaryFolder
made = TemporaryFolder()
open(made.name + "/large", "w").close()
print(made.name, flush=True)
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system's temporary folder of the test's own, for its processes too."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    temporary._remove_abandoned_once.cache_clear()
    return tmp_path


@pytest.fixture
def holder(place: Path) -> Iterator[tuple[subprocess.Popen, Path]]:
    """Another process with a folder."""
    with subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True) as run:
        yield run, Path(run.stdout.readline().strip())
        run.kill()


def test_a_folder_is_gone_with_its_block_and_with_its_object(place: Path) -> None:
    with TemporaryFolder() as inside:
        Path(inside, "a").touch()
        assert Path(inside).parent == place
    kept = TemporaryFolder()
    assert Path(kept.name).is_dir()
    del kept
    assert list(place.iterdir()) == []


def test_the_folder_of_a_living_process_stays(holder, place: Path) -> None:
    assert remove_abandoned(min_age_s=-1) == []
    assert (holder[1] / "large").exists()


def test_the_folder_of_a_killed_process_goes_with_the_next_that_asks_for_one(holder) -> None:
    process, folder = holder
    process.kill()
    process.wait()
    TemporaryFolder().cleanup()
    assert folder.exists()  # it may have been about to be locked
    long_ago = time.time() - 2 * temporary.MIN_AGE_S
    os.utime(folder, (long_ago, long_ago))
    temporary._remove_abandoned_once.cache_clear()
    TemporaryFolder().cleanup()
    assert not folder.exists()


def test_what_is_not_ours_stays(place: Path) -> None:
    elsewhere = place / "elsewhere"
    elsewhere.mkdir()
    (place / f"{temporary.PREFIX}link").symlink_to(elsewhere)
    (place / "reelflow-prefect-1").mkdir()
    assert remove_abandoned(min_age_s=-1) == []
    assert elsewhere.exists() and len(list(place.iterdir())) == 3
