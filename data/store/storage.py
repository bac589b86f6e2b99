"""The store's files: one facade over local folders and object stores."""

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from data.errors import UserError
from data.secrets import has_secret
from data.store import s3
from data.store.disk_errors import translate_disk_errors
from data.store.filesystems import open_filesystem

# What S3 answers to a conditional PUT of an object that exists, or that another writer creates.
CONFLICT_CODES = {"PreconditionFailed", "ConditionalRequestConflict"}


class Store:
    """Files under a root, named by relative paths; every file appears whole or not at all."""

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/") or root
        # The root is shown in messages, which is no place for a password.
        if has_secret(root):
            raise UserError("the store's address has a password: put it into the environment")
        self.fs, self._base = open_filesystem(self.root)
        self.is_local = "file" in _list_protocols(self.fs)
        self._clock_offset: float | None = None  # the store's clock less our monotonic one

    def __reduce__(self) -> tuple:
        # A worker opens the store anew, with its own connections and credentials.
        return Store, (self.root,)

    def path(self, name: str) -> str:
        """The full path of a file, for libraries that open local paths or URLs themselves."""
        full = f"{self._base.rstrip('/')}/{name}"
        return full if self.is_local else self.fs.unstrip_protocol(full)

    def local_path(self, name: str) -> Path:
        """The file's path on this machine; a UserError if the store is remote."""
        if not self.is_local:
            raise UserError(f"{self.root} is not on this machine: {name} needs a local path")
        return Path(self.path(name))

    def exists(self, name: str) -> bool:
        """Whether the store has a file or a folder of that name."""
        with s3.translate_errors(self.root):
            return bool(self.fs.exists(self.path(name)))

    def read(self, name: str) -> bytes:
        """The content of a file; a FileNotFoundError without one."""
        with s3.translate_errors(self.root):
            return bytes(self.fs.cat_file(self.path(name)))

    def write(self, name: str, content: bytes) -> None:
        """Writes a file, in place of an older one of that name."""
        if not self.is_local:  # one request, while a file written in pieces takes three
            with s3.translate_errors(self.root):
                return self.fs.pipe_file(self.path(name), content)
        with self.create(name) as out:
            out.write(content)

    def write_if_absent(self, name: str, content: bytes) -> bool:
        """Creates an object; False if it exists. Of several writers at once, one succeeds."""
        try:
            self.fs.pipe_file(self.path(name), content, mode="create")
        except OSError as error:
            if isinstance(error, FileExistsError) or CONFLICT_CODES & set(str(error).split()):
                return False
            raise
        return True

    def open(self, name: str) -> IO[bytes]:
        """A file to read, from which parts can be read without the rest."""
        return s3.open_file(self.fs, self.path(name))

    @contextmanager
    def create(self, name: str) -> Iterator[IO[bytes]]:
        """A file to write; it appears under its name once the block ends without an error."""
        with translate_disk_errors(self.root):
            with self._create_local(name) if self.is_local else self._upload(name) as out:
                yield out

    def list_names(self, folder: str, suffix: str = "") -> list[str]:
        """The files and folders directly in a folder, sorted, as relative paths.

        Hidden ones, which are half-written, are left out; a missing folder is an empty one.
        """
        try:
            with s3.translate_errors(self.root):
                paths = self.fs.ls(self.path(folder), detail=False)
        except FileNotFoundError:
            return []
        names = (path.rstrip("/").rsplit("/", 1)[-1] for path in paths)
        return sorted(
            f"{folder}/{name}" for name in names if name.endswith(suffix) and name[:1] != "."
        )

    def size(self, name: str) -> int:
        """The bytes of a file, or of all files in a folder."""
        return int(self.fs.du(self.path(name)))

    def modified_at(self, name: str) -> float:
        """When a file was last written, in seconds since 1970; for a folder, its newest file."""
        path = self.path(name)
        if self.is_local:
            newest = [file.stat().st_mtime for file in Path(path).rglob("*") if file.exists()]
            return max([Path(path).stat().st_mtime, *newest])
        files = self.fs.find(path, detail=True).values()
        times = [file["LastModified"].timestamp() for file in files if "LastModified" in file]
        return max(times, default=time.time())

    def read_clock(self, folder: str) -> float:
        """The time by the store's clock, in seconds since 1970.

        Machines' clocks differ, the store's is one: it is read by writing a file to the folder.
        """
        name = f"{folder}/{uuid.uuid4().hex}.clock"
        self.write(name, b"")
        now = self.modified_at(name)
        self.delete(name)
        return now

    def age(self, name: str) -> float:
        """Seconds since a file was written, by the store's clock; for a folder, its newest file."""
        if self._clock_offset is None:  # read once: it costs three requests
            self._clock_offset = self.read_clock("locks") - time.monotonic()
        return self._clock_offset + time.monotonic() - self.modified_at(name)

    def delete(self, name: str) -> None:
        """Removes a file or a folder with all that is in it, if it exists."""
        with suppress(FileNotFoundError):
            self.fs.rm(self.path(name), recursive=True)

    def drop_partials(self, folder: str) -> None:
        """Removes half-written files of killed processes; only for the folder's one writer."""
        if self.is_local:
            for partial in self.local_path(folder).rglob(".*.tmp"):
                partial.unlink(missing_ok=True)
        elif "s3" in _list_protocols(self.fs):
            with suppress(OSError):  # some stores and roles do not permit listing uploads
                s3.abort_uploads(self.fs, self.path(folder))

    @contextmanager
    def _create_local(self, name: str) -> Iterator[IO[bytes]]:
        final = Path(self.path(name))
        final.parent.mkdir(parents=True, exist_ok=True)
        # In the same folder, since renaming is atomic only within one file system.
        partial = final.parent / f".{final.name[:80]}.{uuid.uuid4().hex[:12]}.tmp"
        try:
            with partial.open("wb") as out:
                yield out
                out.flush()
                os.fsync(out.fileno())  # else a power cut could leave an empty file of that name
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
            out.closed = True  # else its finalizer uploads the rest, though it is never completed
            raise
        out.close()
        out.commit()


def _list_protocols(fs: Any) -> tuple[str, ...]:
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)
