"""The store's bytes: one facade over local folders and object stores."""

import errno
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import fsspec

from data.errors import UserError

NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
NO_WRITE = {errno.EROFS, errno.EACCES, errno.EPERM}


class Store:
    """Files under a root, named by relative paths; every file appears whole or not at all."""

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/") or root
        self.fs, self._base = fsspec.core.url_to_fs(self.root)
        self.is_local = "file" in _protocols(self.fs)

    def __reduce__(self) -> tuple:
        return Store, (self.root,)

    def path(self, name: str) -> str:
        """The full path of a file, for libraries that open local paths or URLs themselves."""
        full = f"{self._base.rstrip('/')}/{name}"
        return full if self.is_local else self.fs.unstrip_protocol(full)

    def local(self, name: str) -> Path:
        """The file's path on this machine; a UserError where the store is remote."""
        if not self.is_local:
            raise UserError(f"{self.root} is not on this machine: {name} needs a local path")
        return Path(self.path(name))

    def exists(self, name: str) -> bool:
        return bool(self.fs.exists(self.path(name)))

    def read(self, name: str) -> bytes:
        return bytes(self.fs.cat_file(self.path(name)))

    def write(self, name: str, content: bytes) -> None:
        with self.create(name) as out:
            out.write(content)

    def open(self, name: str) -> IO[bytes]:
        return self.fs.open(self.path(name), "rb")

    @contextmanager
    def create(self, name: str) -> Iterator[IO[bytes]]:
        """A file to write, seen under its name only once the block has ended without an error."""
        with disk_faults(self.root):
            with self._create_local(name) if self.is_local else self._upload(name) as out:
                yield out

    def names(self, folder: str, suffix: str = "") -> list[str]:
        """What lies directly in a folder, sorted, as relative paths; empty where there is none."""
        try:
            found = self.fs.ls(self.path(folder), detail=False)
        except FileNotFoundError:
            return []
        files = (f.rstrip("/").rsplit("/", 1)[-1] for f in found)
        return sorted(
            f"{folder}/{f}" for f in files if f.endswith(suffix) and not f.startswith(".")
        )

    def size(self, name: str) -> int:
        """Bytes of a file, or of all files in a folder."""
        return int(self.fs.du(self.path(name)))

    def modified(self, name: str) -> float:
        """When a file was written last, in seconds since 1970; of a folder, its newest file."""
        path = self.path(name)
        if self.is_local:
            return Path(path).stat().st_mtime
        files = self.fs.find(path, detail=True).values()
        times = [each["LastModified"].timestamp() for each in files if "LastModified" in each]
        return max(times, default=time.time())

    def delete(self, name: str) -> None:
        with suppress(FileNotFoundError):
            self.fs.rm(self.path(name), recursive=True)

    def drop_partials(self, folder: str) -> None:
        """Removes what a killed process left half-written below a folder; for its one writer."""
        if self.is_local:
            for partial in self.local(folder).rglob(".*.tmp"):
                partial.unlink(missing_ok=True)

    @contextmanager
    def _create_local(self, name: str) -> Iterator[IO[bytes]]:
        final = Path(self.path(name))
        final.parent.mkdir(parents=True, exist_ok=True)
        partial = final.parent / f".{final.name[:80]}.{uuid.uuid4().hex[:12]}.tmp"
        try:
            with partial.open("wb") as out:
                yield out
                out.flush()
                os.fsync(out.fileno())
            partial.replace(final)
        finally:
            partial.unlink(missing_ok=True)

    @contextmanager
    def _upload(self, name: str) -> Iterator[IO[bytes]]:
        out = self.fs.open(self.path(name), "wb", autocommit=False)
        try:
            yield out
        except BaseException:
            out.discard()
            raise
        out.close()
        out.commit()


def _protocols(fs: Any) -> tuple[str, ...]:
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)


def no_room(where: str) -> UserError:
    """What to say of a full disk."""
    return UserError(
        f"no room left in {where}: free some space, then run the same command again"
        " (what was finished is kept)"
    )


@contextmanager
def disk_faults(root: str) -> Iterator[None]:
    """Turns the faults of a disk into one line that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            raise no_room(root) from error
        if error.errno in NO_WRITE:
            raise UserError(f"cannot write to {root}: {error.strerror}; mend its rights") from error
        raise
