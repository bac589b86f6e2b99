"""A small disk of a test's own, to be filled."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class Disk:
    """A small file system of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, but: int) -> None:
        """Leaves so many bytes free."""
        with (self.folder / "filler").open("wb") as out:
            while not os.fstat(out.fileno()).st_size:
                free = os.statvfs(self.folder)
                with suppress(OSError):  # somebody else has just taken some of it
                    size = max(1, free.f_bavail * free.f_frsize - but)
                    os.posix_fallocate(out.fileno(), 0, size)

    @property
    def is_full(self) -> bool:
        return (self.folder / "filler").exists()

    def empty(self) -> None:
        (self.folder / "filler").unlink()

    def remount(self, mode: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{mode}", self.folder], check=True)


@contextmanager
def mounted(folder: Path, size: str = "32m") -> Iterator[Disk | None]:
    """The disk; None where this user may not mount one."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "reelflow-test", folder]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        yield None
        return
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
