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
_UNPACKERS: dict[str, Callable[[BinaryIO], object]] = {
    ".gz": lambda file: gzip.GzipFile(fileobj=file),
    ".tgz": lambda file: gzip.GzipFile(fileobj=file),
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
}
_IN_MEMORY = 32 << 20
_BLOCK = 1 << 20
DAMAGED = (EOFError, lzma.LZMAError, zlib.error)  # what unpacking a damaged archive raises


@dataclass(frozen=True, slots=True)
class Member:
    """The bytes of one member: `size` of them from `offset` on in `tar`."""

    tar: str
    offset: int
    size: int


def format_member_uri(member: Member, name: str) -> str:
    """The URI of a member; its name is in it for people to read."""
    quoted = quote(name, safe="/", errors="surrogateescape")
    return f"tar::{member.tar}#{member.offset}:{member.size}/{quoted}"


def parse_member(uri: str) -> Member | None:
    """The member that a URI addresses, or None where the URI is not a member's."""
    match = _MEMBER.fullmatch(uri)
    return Member(match[1], int(match[2]), int(match[3])) if match else None


def find_unpacker(tar: str) -> Callable[[BinaryIO], BinaryIO] | None:
    """The function that decompresses a tar, chosen by its ending; None for a plain one."""
    unpack = _UNPACKERS.get(posixpath.splitext(tar.split("?")[0])[1].lower())
    return cast("Callable[[BinaryIO], BinaryIO] | None", unpack)


class ByteRange(io.RawIOBase):
    """The bytes `offset … offset + size` of another file, as a file of its own."""

    def __init__(self, whole: BinaryIO, offset: int, size: int) -> None:
        self._whole, self._offset, self._size, self._position = whole, offset, size, 0

    def readable(self) -> bool:
        """Always True."""
        return True

    def seekable(self) -> bool:
        """Always True."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """The new position, counted from the start of the range."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise OSError(errno.EINVAL, "a position before the start")
        self._position = start + offset
        return self._position

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        """The number of bytes read into `buffer`; none from beyond the range."""
        count = max(0, min(len(buffer), self._size - self._position))
        self._whole.seek(self._offset + self._position)
        content = self._whole.read(count)
        buffer[: len(content)] = content
        self._position += len(content)
        return len(content)

    def close(self) -> None:
        """Closes the whole file too: it was opened for this range."""
        self._whole.close()
        super().close()


_streams: dict[tuple[int, str, str], BinaryIO] = {}
_streams_lock = threading.Lock()


def copy_member(member: Member, stamp: str, unpack: Callable[[], BinaryIO]) -> BinaryIO:
    """A copy of one member of a compressed tar; `unpack` opens the tar from its start.

    An OSError where the archive is damaged.
    """
    # The last stream stays open where it is: members read in order then cost one pass over the
    # tar, where opening it anew for each would unpack it from its start every time. The process id
    # is in the key because a forked child must not share its parent's file position.
    key = (os.getpid(), member.tar, stamp)
    with _streams_lock:
        stream = _streams.pop(key, None)
    stream = stream or unpack()
    try:
        copy = _copy_bytes(stream, member)
    except DAMAGED as error:
        raise OSError(errno.EIO, f"damaged archive: {error}", member.tar) from error
    with _streams_lock:
        _streams.clear()
        _streams[key] = stream
    return copy


def _copy_bytes(stream: BinaryIO, member: Member) -> BinaryIO:
    copy = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - the caller's to close
    stream.seek(member.offset)
    left = member.size
    while left > 0 and (block := stream.read(min(left, _BLOCK))):
        left -= copy.write(block)
    # Wrapped so that it can only be read: PyAV takes a file that can be written for an output.
    whole = cast(BinaryIO, copy)
    return cast(BinaryIO, io.BufferedReader(ByteRange(whole, 0, copy.tell())))
