"""A remote file as a seekable one, whose reads are tried again where their fault may pass."""

import io
import os
from typing import Any, BinaryIO, Protocol, cast

from engines.files.faults import try_again

READ_AHEAD_BYTES = 4 << 20


class RangeReader(Protocol):
    """Reads parts of one remote file; it raises whatever its library raises."""

    def read_size(self) -> int:
        """The file's size in bytes."""
        ...

    def read_at(self, start: int, count: int) -> bytes:
        """The bytes from `start` on: `count` of them, and fewer only at the file's end."""
        ...

    def close(self) -> None:
        """Ends the connection."""
        ...


class FsspecReader:
    """Reads an open file of fsspec."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def read_size(self) -> int:
        return int(self._file.seek(0, os.SEEK_END))

    def read_at(self, start: int, count: int) -> bytes:
        self._file.seek(start)
        return cast(bytes, self._file.read(count))

    def close(self) -> None:
        self._file.close()


class RemoteFile(io.RawIOBase):
    """The bytes of a reader as a file; its faults are OSErrors, as of `faults.try_again`."""

    def __init__(self, reader: RangeReader, url: str) -> None:
        self._reader, self._url, self._position = reader, url, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position}.get(whence)
        if start is None:
            start = try_again(self._reader.read_size, self._url)
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        content = self._read(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def readall(self) -> bytes:
        """All that is left, in one request."""
        left = try_again(self._reader.read_size, self._url) - self._position
        return self._read(max(left, 0))

    def close(self) -> None:
        if not self.closed:
            self._reader.close()
        super().close()

    def _read(self, count: int) -> bytes:
        start = self._position
        content = try_again(lambda: self._reader.read_at(start, count), self._url)
        self._position += len(content)
        return content


def open_remote(reader: RangeReader, url: str) -> BinaryIO:
    """A buffered file that can only be read: PyAV takes one that can be written for an output."""
    return cast(BinaryIO, io.BufferedReader(RemoteFile(reader, url), READ_AHEAD_BYTES))
