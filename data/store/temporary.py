"""Folders for a while, which do not outlive their process for long."""

import fcntl
import os
import shutil
import tempfile
import time
import weakref
from contextlib import suppress
from functools import cache
from pathlib import Path

PREFIX = "reelflow-tmp-"
YOUNG_S = 60.0  # what is younger may be about to be locked


class Temporary(tempfile.TemporaryDirectory[str]):
    """A folder in the system's temporary one, gone with its block or with this object.

    It is locked for as long as its process lives; those of killed processes go when a process of
    the same user on the same machine makes its first.
    """

    def __init__(self) -> None:
        _sweep_once()
        super().__init__(prefix=PREFIX, ignore_cleanup_errors=True)
        held = os.open(self.name, os.O_RDONLY)
        weakref.finalize(self, os.close, held)
        fcntl.flock(held, fcntl.LOCK_EX)


def sweep(young_s: float = YOUNG_S) -> list[Path]:
    """Removes what killed processes of this user left; the folders that it removed."""
    there = sorted(Path(tempfile.gettempdir()).glob(f"{PREFIX}*"))
    return [folder for folder in there if _remove(folder, young_s)]


@cache
def _sweep_once() -> None:
    sweep()


def _remove(folder: Path, young_s: float) -> bool:
    """Removes the folder unless it is somebody's; whether it did."""
    with suppress(OSError):  # another user's, or somebody else has just removed it
        held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            found = os.fstat(held)
            if found.st_uid == os.getuid() and time.time() - found.st_mtime > young_s:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
                return True
        finally:
            os.close(held)
    return False
