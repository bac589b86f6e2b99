"""Members of a tar, read in place.

A member is addressed by `tar::<tar path or URL>#<offset>:<size>/<member name, percent-quoted>`.
In a compressed tar the offset counts uncompressed bytes.
"""

import bz2
import errno
import gzip
import io
import lzma
import os
import posixpath
import re
import tempfile
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, cast
from urllib.parse import quote

_MEMBER = re.compile(r"tar::(.+)#(\d+):(\d+)/[^#]*", re.DOTALL)
_UNPACK: dict[str, Callable[[BinaryIO], object]] = {
    ".gz": lambda file: gzip.GzipFile(fileobj=file),
    ".tgz": lambda file: gzip.GzipFile(fileobj=file),
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
}
_IN_MEMORY = 32 << 20
_BLOCK = 1 << 20
DAMAGED = (EOFError, lzma.LZMAError, zlib.error)


@dataclass(frozen=True, slots=True)
class Member:
    """The bytes of one member: `size` of them from `offset` on in `tar`."""

    tar: str
    offset: int
    size: int


def member_uri(member: Member, name: str) -> str:
    """The uri of the member; its name is there to be read by people."""
    quoted = quote(name, safe="/", errors="surrogateescape")
    return f"tar::{member.tar}#{member.offset}:{member.size}/{quoted}"


def parse_member(uri: str) -> Member | None:
    """The member that the uri addresses, or None where it is no member's uri."""
    found = _MEMBER.fullmatch(uri)
    return Member(found[1], int(found[2]), int(found[3])) if found else None


def unpacker(tar: str) -> Callable[[BinaryIO], BinaryIO] | None:
    """What makes a compressed tar a plain one, told by its ending; None for a plain one."""
    unpack = _UNPACK.get(posixpath.splitext(tar.split("?")[0])[1].lower())
    return cast("Callable[[BinaryIO], BinaryIO] | None", unpack)


class Range(io.RawIOBase):
    """The bytes `offset … offset + size` of another file, as a file of its own."""

    def __init__(self, whole: BinaryIO, offset: int, size: int) -> None:
        self._whole, self._offset, self._size, self._at = whole, offset, size, 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """The new position, counted from the start of the range."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise OSError(errno.EINVAL, "a position before the start")
        self._at = start + offset
        return self._at

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        """How many bytes were read into `buffer`; never one from beyond the range."""
        wanted = max(0, min(len(buffer), self._size - self._at))
        self._whole.seek(self._offset + self._at)
        found = self._whole.read(wanted)
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)

    def close(self) -> None:
        """Closes the whole file too: it was opened for this range."""
        self._whole.close()
        super().close()


_streams: dict[tuple[int, str, str], BinaryIO] = {}
_streams_lock = threading.Lock()


def copy_member(member: Member, stamp: str, unpack: Callable[[], BinaryIO]) -> BinaryIO:
    """One member of a compressed tar, copied out; `unpack` opens the tar from its start.

    The last stream stays open where it is: members asked for in order cost one pass over the tar,
    where opening it anew for each would unpack it from its start every time.
    """
    key = (os.getpid(), member.tar, stamp)
    with _streams_lock:
        stream = _streams.pop(key, None)
    stream = stream or unpack()
    try:
        copy = _copy(stream, member)
    except DAMAGED as error:
        raise OSError(errno.EIO, f"damaged archive: {error}", member.tar) from error
    with _streams_lock:
        _streams.clear()
        _streams[key] = stream
    return copy


def _copy(stream: BinaryIO, member: Member) -> BinaryIO:
    copy = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - the caller's to close
    stream.seek(member.offset)
    left = member.size
    while left > 0 and (block := stream.read(min(left, _BLOCK))):
        left -= copy.write(block)
    # A file that can also be written is taken for an output by PyAV.
    whole = cast(BinaryIO, copy)
    return cast(BinaryIO, io.BufferedReader(Range(whole, 0, copy.tell())))
