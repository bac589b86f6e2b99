"""Whether packets can be decoded, judged by their headers: cheap enough to do for every packet."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.packet import Packet

OBU_TYPES = {*range(1, 9), 15}  # AV1 specification, 6.2.2
SIZE_BYTES = 8  # of a size at most (4.10.5)
PICTURE_START = b"\0\0\1\0"  # ISO 13818-2, 6.2.3; behind headers of the sequence and the group
HEADER_BYTES = 1024


def has_sound_headers(packet: "Packet") -> bool:
    """Whether the decoder takes the packet up to where its picture begins.

    The decoder must be flushed before it decodes pictures again.
    """
    from av.error import FFmpegError

    context = packet.stream.codec_context
    codec = context.codec.canonical_name
    if not is_picture(codec, packet):
        return False
    if codec == "av1":  # its decoder cannot leave pictures out
        return True
    context.skip_frame = "ALL"
    try:
        packet.decode()
    except FFmpegError:
        return False
    finally:
        context.skip_frame = "DEFAULT"
    return True


def is_stream_header(codec: str, packet: "Packet") -> bool:
    """Whether a packet belongs to the header of a stream that was joined to another.

    Theora's come among the packets (specification, 6.1); in other codecs they are no packets.
    """
    return codec == "theora" and packet.size > 0 and bool(memoryview(packet)[0] & 0x80)


def is_picture(codec: str, packet: "Packet") -> bool:
    """Whether a packet looks like one of its codec's, where the decoder would not say so."""
    if codec == "av1":
        return is_av1_unit(memoryview(packet))
    if codec in ("mpeg1video", "mpeg2video"):
        return PICTURE_START in bytes(memoryview(packet)[:HEADER_BYTES])
    return True


def is_av1_unit(data: memoryview) -> bool:
    """Whether the bytes are a sequence of open bitstream units of known types (5.3)."""
    position = 0
    while position < len(data):
        header = data[position]
        if header & 0b1000_0001 or (header >> 3) & 0b1111 not in OBU_TYPES:
            return False
        position += 2 if header & 0b100 else 1
        if not header & 0b10:  # it takes up the rest
            return True
        size, position = _read_size(data, position)
        position += size
    return position == len(data)


def _read_size(data: memoryview, position: int) -> tuple[int, int]:
    """A number in leb128, and where it ends."""
    size = 0
    for n, byte in enumerate(data[position : position + SIZE_BYTES]):
        size |= (byte & 127) << (7 * n)
        if byte < 128:
            return size, position + n + 1
    return size, len(data) + 1
