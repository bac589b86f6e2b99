"""A stream's packets, and the frames decoded from them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from engines.video.container import check_frame_size
from engines.video.frames import DecodeError
from engines.video.guard.heartbeat import send_heartbeat

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream


def read_packets(container: "InputContainer", stream: "VideoStream") -> Iterator["Packet"]:
    """The stream's packets and, last, an empty one that flushes the decoder."""
    source = container.demux(stream)
    while True:
        # Reading on without a wanted frame may take longer than the deadline for an answer.
        send_heartbeat()
        try:
            packet = next(source, None)
        except IndexError as error:  # PyAV's, for a stream that the header did not announce
            raise DecodeError(
                "undecodable", "a stream appears in the middle of the file"
            ) from error
        if packet is None:
            return
        yield packet


def read_data_packets(container: "InputContainer", stream: "VideoStream") -> Iterator["Packet"]:
    """The packets that are not empty."""
    return (packet for packet in read_packets(container, stream) if packet.size)


def decode_packet(packet: "Packet") -> list["VideoFrame"]:
    """The frames that come out; a DecodeError where the codec rejects the frame size."""
    from av.error import FFmpegError

    context = packet.stream.codec_context
    try:
        return packet.decode()
    except FFmpegError as error:
        # A codec that gives up on a monstrous size only says "invalid data": name the size.
        check_frame_size(context.width, context.height)
        if context.width and context.height:
            raise
        raise DecodeError("undecodable", "no picture size that its codec accepts") from error
