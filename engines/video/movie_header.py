"""What an mp4's boxes say that libav does not pass on: its video's duration, a second movie."""

import struct
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO

MAX_BOXES = 64  # top-level boxes read: a fragmented recording may have thousands, and no header
MAX_FRAGMENTS = 100_000  # the same, where each of them has to be passed
Box = tuple[bytes, int, int]  # name, start and end of its content


def read_movie_seconds(file: BinaryIO) -> float | None:
    """The stated duration in seconds, None where there is none; the file is left at its start.

    The least of the movie's, which counts other tracks and an empty time before the video too,
    and the video tracks' own.
    """
    try:
        movie, tracks = _read_durations(file)
    except struct.error:  # a box is cut short
        return None
    finally:
        file.seek(0)
    known = [seconds for seconds in tracks if seconds is not None]
    return min([*known, movie or known[0]]) if known else None


def find_second_movie(file: BinaryIO) -> int | None:
    """Where the second of two joined mp4 files begins; None where there is one only.

    A fragmented recording may repeat its header, and be read on while its times go on.
    """
    movies, begins, last = 0, 0, None
    read_time = partial(_read_fragment_time, file)
    try:
        for name, start, stop in _list_boxes(file, 0, file.seek(0, 2), MAX_FRAGMENTS):
            begins = start - 8 if name == b"ftyp" else begins
            movies += name == b"moov"
            if name == b"moof" and movies > 1:
                goes_on = last and read_time(*last) < read_time(start, stop)
                return None if goes_on else begins
            last = (start, stop) if name == b"moof" else last
    except struct.error:  # a box is cut short
        return None
    return begins if movies > 1 else None


def _read_fragment_time(file: BinaryIO, start: int, stop: int) -> int:
    """When a fragment's first track goes on, in units of that track (ISO 14496-12, 8.8.12)."""
    for _, inner, end in _find_boxes(file, b"traf", start, stop):
        for _, at, _ in _find_boxes(file, b"tfdt", inner, end):
            file.seek(at)
            layout = ">Q" if file.read(4)[:1] == b"\x01" else ">I"
            return int(struct.unpack(layout, file.read(struct.calcsize(layout)))[0])
    return 0


def _read_durations(file: BinaryIO) -> tuple[float | None, list[float | None]]:
    """The duration of the movie, and those of its video tracks; None for an unknown one."""
    movie, tracks = None, list[float | None]()
    for _, start, stop in _find_boxes(file, b"moov", 0, file.seek(0, 2)):
        for name, *inside in _list_boxes(file, start, stop):
            if name == b"mvhd":
                movie = _read_duration(file, inside[0])
            if name == b"trak":
                is_video, seconds = _read_track(file, inside[0], inside[1])
                tracks += [seconds] if is_video else []
    return movie, tracks


def _read_track(file: BinaryIO, start: int, stop: int) -> tuple[bool, float | None]:
    """Whether it is a video track, and its duration."""
    is_video, seconds = False, None
    for _, inner, end in _find_boxes(file, b"mdia", start, stop):
        for name, at, _ in _list_boxes(file, inner, end):
            if name == b"mdhd":
                seconds = _read_duration(file, at)
            if name == b"hdlr":
                file.seek(at + 8)
                is_video = file.read(4) == b"vide"
    return is_video, seconds


def _find_boxes(file: BinaryIO, name: bytes, position: int, end: int) -> Iterator[Box]:
    return (box for box in _list_boxes(file, position, end) if box[0] == name)


def _list_boxes(file: BinaryIO, position: int, end: int, limit: int = MAX_BOXES) -> Iterator[Box]:
    """(name, start and end of content) of each box between two positions (ISO 14496-12, 4.2)."""
    for _ in range(limit):
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
