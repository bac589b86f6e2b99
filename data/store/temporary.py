"""Temporary folders that do not outlive their process for long, even one that was killed."""

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
MIN_AGE_S = 60.0  # a younger folder may belong to a process that is about to lock it


class TemporaryFolder(tempfile.TemporaryDirectory[str]):
    """A folder in the system's temporary one, removed with its block or with this object.

    It is locked for as long as its process lives. The first such folder of a process removes
    those that killed processes of the same user left on the machine.
    """

    def __init__(self) -> None:
        _remove_abandoned_once()
        super().__init__(prefix=PREFIX, ignore_cleanup_errors=True)
        descriptor = os.open(self.name, os.O_RDONLY)
        weakref.finalize(self, os.close, descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def remove_abandoned(min_age_s: float = MIN_AGE_S) -> list[Path]:
    """Removes the folders that killed processes of this user left; returns those removed."""
    folders = sorted(Path(tempfile.gettempdir()).glob(f"{PREFIX}*"))
    return [folder for folder in folders if _remove_if_abandoned(folder, min_age_s)]


@cache
def _remove_abandoned_once() -> None:
    remove_abandoned()


def _remove_if_abandoned(folder: Path, min_age_s: float) -> bool:
    """Removes the folder unless a process holds it; whether it did."""
    with suppress(OSError):  # another user's folder, or another process has just removed it
        # Not a link: the temporary folder is shared, and a link could name anybody's files.
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            status = os.fstat(descriptor)
            if status.st_uid == os.getuid() and time.time() - status.st_mtime > min_age_s:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
                return True
        finally:
            os.close(descriptor)
    return False
