"""A stream's packets, and the frames that come out of them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from engines.video.container import check_size
from engines.video.frames import DecodeError
from engines.video.guard.heartbeat import beat

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream


def packets(container: "InputContainer", stream: "VideoStream") -> Iterator["Packet"]:
    """The stream's packets and, last, an empty one that empties the decoder."""
    source = container.demux(stream)
    while True:
        beat()
        try:
            packet = next(source, None)
        except IndexError as error:  # PyAV's, for a stream it had not heard of
            raise DecodeError("undecodable", "a stream appears in the middle of it") from error
        if packet is None:
            return
        yield packet


def full(container: "InputContainer", stream: "VideoStream") -> Iterator["Packet"]:
    """The packets that hold something."""
    return (packet for packet in packets(container, stream) if packet.size)


def decoded(packet: "Packet") -> list["VideoFrame"]:
    """The frames that come out; a codec that gave up on a monstrous size says so."""
    from av.error import FFmpegError

    context = packet.stream.codec_context
    try:
        return packet.decode()
    except FFmpegError as error:
        check_size(context.width, context.height)
        if context.width and context.height:
            raise
        raise DecodeError("undecodable", "no picture size that its codec accepts") from error
