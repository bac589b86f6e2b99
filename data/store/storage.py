"""The store's bytes: one facade over local folders and object stores."""

import errno
import os
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import fsspec

from data.errors import UserError
from data.store import s3

NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
NO_WRITE = {errno.EROFS, errno.EACCES, errno.EPERM}
SECRET = re.compile(r"\w+://[^/]*:[^/]*@")
CONFLICT = {"PreconditionFailed", "ConditionalRequestConflict"}


class Store:
    """Files under a root, named by relative paths; every file appears whole or not at all."""

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/") or root
        if SECRET.match(root):
            raise UserError("the store's address has a password: put it into the environment")
        self.fs, self._base = filesystem(self.root)
        self.is_local = "file" in _protocols(self.fs)
        self._ahead: float | None = None  # the store's clock, of this process's own

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
        with s3.admitted(self.root):
            return bool(self.fs.exists(self.path(name)))

    def read(self, name: str) -> bytes:
        with s3.admitted(self.root):
            return bytes(self.fs.cat_file(self.path(name)))

    def write(self, name: str, content: bytes) -> None:
        if not self.is_local:  # one request, where a file written bit by bit takes three
            with s3.admitted(self.root):
                return self.fs.pipe_file(self.path(name), content)
        with self.create(name) as out:
            out.write(content)

    def claim(self, name: str, content: bytes) -> bool:
        """Writes an object that is not there yet; False where it is. Of many who try, one does."""
        try:
            self.fs.pipe_file(self.path(name), content, mode="create")
        except OSError as error:
            if isinstance(error, FileExistsError) or CONFLICT & set(str(error).split()):
                return False
            raise
        return True

    def open(self, name: str) -> IO[bytes]:
        return s3.opened(self.fs, self.path(name))

    @contextmanager
    def create(self, name: str) -> Iterator[IO[bytes]]:
        """A file to write, seen under its name only once the block has ended without an error."""
        with disk_faults(self.root):
            with self._create_local(name) if self.is_local else self._upload(name) as out:
                yield out

    def names(self, folder: str, suffix: str = "") -> list[str]:
        """What lies directly in a folder, sorted, as relative paths; empty where there is none."""
        try:
            with s3.admitted(self.root):
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
        found = self.fs.find(path, detail=True).values()
        times = [each["LastModified"].timestamp() for each in found if "LastModified" in each]
        return max(times, default=time.time())

    def now(self, folder: str) -> float:
        """The time by the store's clock, whatever it is here; written and removed in a folder."""
        clock = f"{folder}/{uuid.uuid4().hex}.clock"
        self.write(clock, b"")
        now = self.modified(clock)
        self.delete(clock)
        return now

    def age(self, name: str) -> float:
        """Seconds since a file was written, by the store's clock; a folder's newest file."""
        if self._ahead is None:
            self._ahead = self.now("locks") - time.monotonic()
        return self._ahead + time.monotonic() - self.modified(name)

    def delete(self, name: str) -> None:
        with suppress(FileNotFoundError):
            self.fs.rm(self.path(name), recursive=True)

    def drop_partials(self, folder: str) -> None:
        """Removes what a killed process left half-written below a folder; for its one writer."""
        if self.is_local:
            for partial in self.local(folder).rglob(".*.tmp"):
                partial.unlink(missing_ok=True)
        elif "s3" in _protocols(self.fs):
            with suppress(OSError):  # not every store and not every role lets one ask
                s3.abort_uploads(self.fs, self.path(folder))

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
            out.closed = True  # else it is uploaded, though never completed, as it is forgotten
            raise
        out.close()
        out.commit()


def filesystem(url: str, **more: Any) -> tuple[Any, str]:
    """What reads and writes the url, and the path that it knows it by.

    Credentials are those of the environment; `more` is by scheme, for fsspec.
    """
    options = {"use_listings_cache": False} | more  # listings would hide what others change
    try:
        if url.split("://")[0] in ("s3", "s3a"):
            options |= s3.options()
        return fsspec.core.url_to_fs(url, **options)
    except ImportError as error:
        raise UserError(f"cannot use {url}: {error}") from error


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
        if error.errno in NO_WRITE or isinstance(error, PermissionError):  # S3's have no number
            said = error.strerror or error
            raise UserError(f"cannot write to {root}: {said}; mend its rights") from error
        raise
