"""Whether a Matroska or AVI file has all the bytes that it says it has."""

import struct
from typing import BinaryIO

EBML, SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
HEAD_BYTES = 12


def has_all_bytes(file: BinaryIO) -> bool | None:
    """False for a file that was cut off, None where it does not say; it is left at its start."""
    try:
        end = file.seek(0, 2)
        file.seek(0)
        head = file.read(HEAD_BYTES)
        if head.startswith(EBML):
            stated = _find_segment_end(file)
        elif head.startswith(b"RIFF") and head.endswith(b"AVI "):
            stated = _find_riff_end(file, end)
        else:
            return None
    except (struct.error, IndexError):  # cut off within its head
        return False
    finally:
        file.seek(0)
    return None if stated is None else stated <= end


def _find_segment_end(file: BinaryIO) -> int | None:
    """Where the segment behind the EBML header ends; None where it was written without a size."""
    file.seek(len(EBML))
    header = _read_size(file)
    if header is None:
        return None
    file.seek(header, 1)
    if file.read(len(SEGMENT)) != SEGMENT:
        return None
    size = _read_size(file)
    return None if size is None else file.tell() + size


def _read_size(file: BinaryIO) -> int | None:
    """A size as EBML writes it (RFC 8794, 5): as many bytes as the first has leading zeros."""
    first = file.read(1)[0]
    length = 9 - first.bit_length()
    value = (first & (0xFF >> length)).to_bytes(1, "big") + file.read(length - 1)
    number = int.from_bytes(value, "big")
    unknown = number == (1 << (7 * length)) - 1
    return None if unknown or len(value) < length else number


def _find_riff_end(file: BinaryIO, end: int) -> int:
    """Where the last list of the file ends: those above 1 GB have several (OpenDML)."""
    position = 0
    while position + HEAD_BYTES <= end:
        file.seek(position)
        name, size = struct.unpack("<4sI", file.read(8))
        if name != b"RIFF":
            break
        position += 8 + size + (size % 2 if position + 8 + size < end else 0)
    return position
