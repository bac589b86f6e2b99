"""Whether another video begins behind the first one of a file, where libav would not read it."""

import re
from collections.abc import Callable
from typing import BinaryIO

from engines.video.frames import DecodeError
from engines.video.guard.heartbeat import send_heartbeat
from engines.video.movie_header import find_second_movie

# How a file of these formats begins, long enough that no picture has it by chance. Matroska, AVI,
# transport and programme streams, MXF and raw streams are not here: joined ones are read whole.
BEGINNINGS = (
    re.compile(rb"FLV\x01.\0\0\0\x09\0\0\0\0", re.DOTALL),
    re.compile(rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c"),  # ASF, WMV
    re.compile(rb"nut/multimedia container\0"),
    re.compile(rb"DKIF\0\0\x20\0"),  # IVF
)
LONGEST = 32  # bytes, of any of them
BLOCK_BYTES = 4 << 20


def check_one_video(file: BinaryIO) -> None:
    """Raises a DecodeError for a file with a second video that would not be read; rewinds it."""
    byte = find_second_video(file)
    if byte is not None:
        detail = f"joined: at byte {byte:,} another video begins, which would not be read"
        raise DecodeError("undecodable", f"{detail}; cut the file there")


def find_second_video(file: BinaryIO) -> int | None:
    """The byte at which a second video begins that would not be read; the file is rewound.

    None where there is none, or where the format is one whose joined files are read to their end.
    """
    try:
        file.seek(0)
        head = file.read(LONGEST)
        if head[4:8] == b"ftyp":
            return find_second_movie(file)
        found = (beginning for beginning in BEGINNINGS if beginning.match(head))
        return next((_search(file, beginning.search) for beginning in found), None)
    finally:
        file.seek(0)


def _search(file: BinaryIO, search: Callable[[bytes], re.Match[bytes] | None]) -> int | None:
    """Where the beginning is found again; in blocks that overlap, since one may lie across two."""
    position = 1
    while True:
        file.seek(position)
        block = file.read(BLOCK_BYTES)
        if found := search(block):
            return position + found.start()
        if len(block) < BLOCK_BYTES:
            return None
        position += BLOCK_BYTES - LONGEST
        send_heartbeat()
