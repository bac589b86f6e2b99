"""The entries of a tar, plain or compressed, one after the other and none of them extracted."""

import errno
import os
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, cast

from engines.files.archive import DAMAGED, Member, unpacker
from engines.files.media import open_media, resolve


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry that is no folder; `read` gives its bytes as long as it is the current one."""

    name: str
    member: Member
    regular: bool
    read: Callable[[int], bytes]


class _Watched:
    """A file that remembers what was read last: of a sound tar, that is its end mark."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.seek, self.tell, self.last = file, file.seek, file.tell, b""

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        self.last = self._file.read(size)
        return self.last


def entries(tar: str) -> Iterator[Entry]:
    """The entries in their order; a tar that is damaged or cut short ends in an OSError."""
    tar = resolve(tar, os.getcwd())
    try:
        with open_media(tar) as file:
            unpack = unpacker(tar)
            yield from _entries(unpack(file) if unpack else file, tar)
    except (tarfile.TarError, *DAMAGED) as error:
        raise OSError(errno.EIO, f"damaged archive: {error}", tar) from error


def _entries(file: BinaryIO, tar: str) -> Iterator[Entry]:
    watched = _Watched(file)
    # The methods of _Watched are all that tarfile asks of a file it reads.
    with tarfile.open(fileobj=cast(BinaryIO, watched), mode="r:", encoding="utf-8") as archive:
        while (info := archive.next()) is not None:
            archive.members = []  # type: ignore[attr-defined]  # it would keep every member seen
            if not info.isdir() and not info.name.rsplit("/", 1)[-1].startswith("."):
                yield _entry(archive, info, tar)
    if len(watched.last) < tarfile.BLOCKSIZE or watched.last.strip(b"\0"):
        raise tarfile.ReadError("the end mark of a tar is not where it should be")


def _entry(archive: tarfile.TarFile, info: tarfile.TarInfo, tar: str) -> Entry:
    def read(limit: int) -> bytes:
        file = archive.extractfile(info)
        return file.read(min(info.size, limit)) if file else b""

    member = Member(tar, info.offset_data, info.size)
    return Entry(info.name, member, info.isreg() and not info.issparse(), read)
