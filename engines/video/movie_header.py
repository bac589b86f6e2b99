"""The duration that an mp4 states in its movie header, which libav does not pass on."""

import struct
from collections.abc import Iterator
from typing import BinaryIO

MAX_BOXES = 64  # top-level boxes read: a fragmented recording may have thousands, and no header


def read_movie_seconds(file: BinaryIO) -> float | None:
    """The stated duration in seconds, None where there is none; the file is left at its start."""
    try:
        return _read_movie_header(file)
    except struct.error:  # a box is cut short
        return None
    finally:
        file.seek(0)


def _read_movie_header(file: BinaryIO) -> float | None:
    end = file.seek(0, 2)
    for name, start, stop in _list_boxes(file, 0, end):
        if name == b"moov":
            for inner, inner_start, _ in _list_boxes(file, start, stop):
                if inner == b"mvhd":
                    return _read_duration(file, inner_start)
    return None


def _list_boxes(file: BinaryIO, position: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(name, start and end of content) of each box between two positions (ISO 14496-12, 4.2)."""
    for _ in range(MAX_BOXES):
        if position + 8 > end:
            return
        file.seek(position)
        size, name = struct.unpack(">I4s", file.read(8))
        header = 8
        if size == 1:  # the real size follows, in 64 bits
            size, header = struct.unpack(">Q", file.read(8))[0], 16
        stop = position + size if size else end  # 0: up to the end of the file
        if (size and size < header) or not name.isascii():  # not an mp4 after all
            return
        yield name, position + header, stop
        position = stop


def _read_duration(file: BinaryIO, position: int) -> float | None:
    file.seek(position)
    is_64_bit = file.read(4)[:1] == b"\x01"
    layout = ">QQIQ" if is_64_bit else ">IIII"
    scale, units = struct.unpack(layout, file.read(struct.calcsize(layout)))[2:]
    unknown = 2**64 - 1 if is_64_bit else 2**32 - 1
    return units / scale if scale and units not in (0, unknown) else None
