"""The entries of a tar, plain or compressed, read one after the other without extracting any."""

import errno
import os
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, cast

from engines.files.access import STRICT, UrlPolicy
from engines.files.archive import DAMAGED, Member, find_unpacker
from engines.files.media import open_media
from engines.files.urls import resolve_location


@dataclass(frozen=True, slots=True)
class TarEntry:
    """One entry that is not a folder; `read` gives its bytes while it is the current one."""

    name: str
    member: Member
    regular: bool
    read: Callable[[int], bytes]


class _TailReader:
    """A file that remembers its last block: of an intact tar, that is the end mark."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.seek, self.tell, self.last = file, file.seek, file.tell, b""

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        self.last = self._file.read(size)
        return self.last


def read_entries(tar: str, policy: UrlPolicy = STRICT) -> Iterator[TarEntry]:
    """The entries in their order; an OSError at the end of a damaged or truncated tar."""
    tar = resolve_location(tar, os.getcwd())
    try:
        with open_media(tar, policy) as file:
            unpack = find_unpacker(tar)
            yield from _read_entries(unpack(file) if unpack else file, tar)
    except (tarfile.TarError, *DAMAGED) as error:
        raise OSError(errno.EIO, f"damaged archive: {error}", tar) from error


def _read_entries(file: BinaryIO, tar: str) -> Iterator[TarEntry]:
    reader = _TailReader(file)
    # The methods of _TailReader are all that tarfile calls on a file it reads.
    with tarfile.open(fileobj=cast(BinaryIO, reader), mode="r:", encoding="utf-8") as archive:
        while (info := archive.next()) is not None:
            archive.members = []  # type: ignore[attr-defined]  # else it keeps every member seen
            if not info.isdir() and not info.name.rsplit("/", 1)[-1].startswith("."):
                yield _build_entry(archive, info, tar)
    # tarfile takes the end of the file for the end of the archive: a truncated one looks complete.
    if len(reader.last) < tarfile.BLOCKSIZE or reader.last.strip(b"\0"):
        raise tarfile.ReadError("the tar has no end mark: it was cut short")


def _build_entry(archive: tarfile.TarFile, info: tarfile.TarInfo, tar: str) -> TarEntry:
    def read(limit: int) -> bytes:
        file = archive.extractfile(info)
        return file.read(min(info.size, limit)) if file else b""

    member = Member(tar, info.offset_data, info.size)
    return TarEntry(info.name, member, info.isreg() and not info.issparse(), read)
