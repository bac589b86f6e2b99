"""Decodes only what the wanted frames need: packets are listed first (packet_plan.py), then sought.

Wherever a file does not behave as its packets say, `NeedsSequential` is raised, and the caller
decodes it from end to end instead: both ways must give the same frames.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TYPE_CHECKING

import numpy as np

from engines.video.packet_plan import NeedsSequential, PacketPlan, get_codec_name, plan_spans
from engines.video.packets import DamagedPacket, PacketDecoder, read_data_packets

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

# Decoders that can skip a frame to which no other refers.
SKIPPING_CODECS = {"h264", "mpeg4", "mpeg1video", "mpeg2video"}
SEEK_DISTANCE = 256  # packets: reading on, at 5 µs each, is cheaper than a seek up to about here


@dataclass(slots=True)
class SparseDecoder:
    """Decodes the wanted positions of a plan; the container has been read to its end."""

    container: "InputContainer"
    stream: "VideoStream"
    plan: PacketPlan
    _decoder: PacketDecoder = field(init=False)
    _source: Iterator["Packet"] = field(default_factory=lambda: iter(()))
    _at: int = sys.maxsize  # the position of the packet that comes next

    def __post_init__(self) -> None:
        self._decoder = PacketDecoder(self.stream)

    def decode_frames(self, wanted: np.ndarray) -> Iterator["VideoFrame"]:
        """The frames at these positions (given in display order), in that order."""
        due, chosen = iter(wanted.tolist()), set(wanted.tolist())
        for first, last in plan_spans(self.plan, wanted):
            for frame in self._decode_span(first, last, chosen):
                if frame.pts != next(due, None):
                    raise NeedsSequential("a wanted frame did not come out")
                yield frame
        if next(due, None) is not None:
            raise NeedsSequential("the last wanted frames did not come out")

    def _decode_span(self, first: int, last: int, chosen: set[int]) -> Iterator["VideoFrame"]:
        context = self.stream.codec_context
        chosen = {position for position in chosen if first <= position <= last}
        skips = self._can_skip()
        context.flush_buffers()
        for position, packet in self._read_span(first, last):
            context.skip_frame = "NONREF" if skips and position not in chosen else "DEFAULT"
            yield from _choose_frames(self._decode_packet(packet, position), chosen)
        context.skip_frame = "DEFAULT"
        yield from _choose_frames(self._decoder.flush(), chosen)

    def _decode_packet(self, packet: "Packet", position: int) -> list["VideoFrame"]:
        try:
            return self._decoder.decode(packet, position)
        except DamagedPacket as error:
            raise NeedsSequential("a packet does not decode") from error

    def _can_skip(self) -> bool:
        codec = get_codec_name(self.stream)
        return codec in SKIPPING_CODECS or (codec == "hevc" and _has_one_layer(self.stream))

    def _read_span(self, first: int, last: int) -> Iterator[tuple[int, "Packet"]]:
        if not self._at <= first <= self._at + SEEK_DISTANCE:
            self._seek_keyframe(first)
        while self._at <= last:
            packet = next(self._source, None)
            if packet is None or packet.pts != self.plan.pts[self._at]:
                raise NeedsSequential("packets differ from the first reading")
            self._at += 1
            if self._at > first:
                yield self._at - 1, packet

    def _seek_keyframe(self, first: int) -> None:
        """Moves to the keyframe `first`, or before it."""
        self.container.seek(int(self.plan.pts[first]), stream=self.stream)
        self._source = read_data_packets(self.container, self.stream)
        # A plan of a part of the file may begin after the packet that a seek lands on.
        for packet in islice(self._source, SEEK_DISTANCE + 1):
            positions = np.flatnonzero(self.plan.pts == packet.pts)
            if len(positions):
                break
        else:
            raise NeedsSequential("seeking went past the end")
        if len(positions) != 1 or positions[0] > first:
            raise NeedsSequential("seeking missed the keyframe")
        self._at = int(positions[0])
        self._source = chain((packet,), self._source)


def _choose_frames(frames: list["VideoFrame"], chosen: set[int]) -> Iterator["VideoFrame"]:
    for frame in frames:
        if frame.interlaced_frame:
            raise NeedsSequential("two fields may make one frame")
        if frame.is_corrupt:
            raise NeedsSequential("what hides damage depends on the frames decoded before")
        if frame.pts in chosen:
            yield frame


def _has_one_layer(stream: "VideoStream") -> bool:
    """Whether an HEVC stream states one temporal layer; frames of others may be referred to."""
    extra = stream.codec_context.extradata or b""  # hvcC, ISO 14496-15: numTemporalLayers
    return len(extra) > 21 and extra[0] == 1 and (extra[21] >> 3) & 7 == 1
