"""A stream's packets, and the frames decoded from them."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from engines.video.container import check_frame_size
from engines.video.frames import DecodeError
from engines.video.guard.heartbeat import send_heartbeat
from engines.video.headers import is_picture, is_stream_header

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream


class DamagedPacket(Exception):
    """The decoder rejects a packet: no frame comes of it."""


def read_packets(container: "InputContainer", stream: "VideoStream") -> Iterator["Packet"]:
    """The stream's packets, those without data among them (frames that an encoder dropped)."""
    source, codec = container.demux(stream), stream.codec_context.codec.canonical_name
    while True:
        # Reading on without a wanted frame may take longer than the deadline for an answer.
        send_heartbeat()
        try:
            packet = next(source, None)
        except IndexError:
            # PyAV's, for a packet of a stream that the header did not announce, such as sound
            # that begins late. The packet is read, and the video's go on behind it.
            source = container.demux(stream)
            continue
        if packet is None:
            return
        if is_stream_header(codec, packet):
            continue
        if packet.size or packet.pts is not None or packet.dts is not None:  # else PyAV's own end
            yield packet


def read_data_packets(container: "InputContainer", stream: "VideoStream") -> Iterator["Packet"]:
    """The packets that are not empty: an empty one would tell the decoder that all is over."""
    return (packet for packet in read_packets(container, stream) if packet.size)


@dataclass(slots=True)
class PacketDecoder:
    """Decodes numbered packets; each frame has its packet's number as `pts`.

    So a frame is known even where packets have equal times, or none. `frame.opaque` is a tuple
    of its own pixel aspect ratio, where that may differ from the stream's.
    """

    stream: "VideoStream"
    _stated: Fraction | None = field(init=False)
    _codec: str = field(init=False)
    _changes: list[int] = field(default_factory=list)  # numbers of packets with another aspect
    _aspects: list[Fraction | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stated = self.stream.sample_aspect_ratio
        self._codec = self.stream.codec_context.codec.canonical_name

    def decode(self, packet: "Packet", number: int) -> list["VideoFrame"]:
        """The frames that come out on a packet with data; DamagedPacket where it is rejected.

        A DecodeError where the codec rejects the frame size.
        """
        from av.error import FFmpegError

        packet.pts = number
        if not is_picture(self._codec, packet):
            raise DamagedPacket("no picture in it")
        try:
            frames = packet.decode()
        except MemoryError:
            raise
        except FFmpegError as error:
            self._check_size()
            raise DamagedPacket(f"{type(error).__name__}: {error.strerror}") from error
        self._note_aspect(number)
        return self._label(frames)

    def flush(self) -> list["VideoFrame"]:
        """The frames that the decoder still holds."""
        return self._label(self.stream.codec_context.decode(None))

    def _check_size(self) -> None:
        # A codec that gives up on a monstrous size only says "invalid data": name the size.
        context = self.stream.codec_context
        check_frame_size(context.width, context.height)
        if not (context.width and context.height):
            raise DecodeError("undecodable", "no picture size that its codec accepts")

    def _note_aspect(self, number: int) -> None:
        aspect = self.stream.codec_context.sample_aspect_ratio
        if not self._changes or aspect != self._aspects[-1]:
            self._changes.append(number)
            self._aspects.append(aspect)

    def _label(self, frames: list["VideoFrame"]) -> list["VideoFrame"]:
        # An aspect of the container's own, which the codec contradicts from the start, stands.
        if len(self._changes) > 1 and self._aspects[0] == self._stated:
            for frame in frames:
                change = bisect_right(self._changes, frame.pts or 0) - 1
                # In a tuple of its own: one that frames share is lost with the first of them.
                frame.opaque = (self._aspects[max(0, change)],)
        return frames
