"""The duration that an mp4 states in its movie header, which libav does not pass on."""

import struct
from collections.abc import Iterator
from typing import BinaryIO

BOXES = 64  # more top-level boxes than this before the header: a fragmented recording, not a lie


def movie_seconds(file: BinaryIO) -> float | None:
    """The stated duration in seconds, None where there is none; the file is left at its start."""
    try:
        return _movie_header(file)
    except struct.error:
        return None
    finally:
        file.seek(0)


def _movie_header(file: BinaryIO) -> float | None:
    end = file.seek(0, 2)
    for name, start, stop in _boxes(file, 0, end):
        if name == b"moov":
            for inner, at, _ in _boxes(file, start, stop):
                if inner == b"mvhd":
                    return _duration(file, at)
    return None


def _boxes(file: BinaryIO, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(name, start and end of content) of each box between two places."""
    for _ in range(BOXES):
        if at + 8 > end:
            return
        file.seek(at)
        size, name = struct.unpack(">I4s", file.read(8))
        head = 8
        if size == 1:
            size, head = struct.unpack(">Q", file.read(8))[0], 16
        stop = at + size if size else end
        if (size and size < head) or not name.isascii():
            return
        yield name, at + head, stop
        at = stop


def _duration(file: BinaryIO, at: int) -> float | None:
    file.seek(at)
    wide = file.read(4)[:1] == b"\x01"
    layout = ">QQIQ" if wide else ">IIII"
    scale, units = struct.unpack(layout, file.read(struct.calcsize(layout)))[2:]
    unknown = 2**64 - 1 if wide else 2**32 - 1
    return units / scale if scale and units not in (0, unknown) else None
