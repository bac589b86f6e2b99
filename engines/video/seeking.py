"""Decodes only what the wanted frames need: packets are listed first, then sought.

Wherever a file does not behave as its packets say, `NeedsSequential` is raised, and the caller
decodes it from end to end instead: both ways must give the same frames.
"""

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from engines.video.packets import (
    DamagedPacket,
    PacketDecoder,
    read_data_packets,
    read_packets,
)
from engines.video.truncation import PacketTotals

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

# One packet shown is one frame in these; VP8, for one, hides frames in packets of their own.
REGULAR_CODECS = {
    *("h264", "hevc", "mpeg4", "mpeg1video", "mpeg2video", "vp9", "av1", "mjpeg", "prores")
}
# Decoders that can skip a frame to which no other refers.
SKIPPING_CODECS = {"h264", "mpeg4", "mpeg1video", "mpeg2video"}
SEEK_DISTANCE = 256  # packets: reading on, at 5 µs each, is cheaper than a seek up to about here


class NeedsSequential(Exception):
    """The file, or the request, does not allow seeking: decode it from end to end instead."""


@dataclass(frozen=True, slots=True)
class PacketPlan:
    """Packets in decoding order: presentation time, keyframe or not, displayed or not.

    `regular` where these times are those of the frames that `PacketClock` would give.
    """

    pts: np.ndarray
    key: np.ndarray
    shown: np.ndarray
    regular: bool

    def sort_displayed(self) -> np.ndarray:
        """Positions of the displayed packets, in display order."""
        positions = np.flatnonzero(self.shown)
        return positions[np.argsort(self.pts[positions], kind="stable")]


def scan_packets(
    container: "InputContainer",
    stream: "VideoStream",
    totals: PacketTotals,
    until: float = math.inf,
) -> PacketPlan:
    """Reads every packet once, up to `until` seconds, keeping none of the data.

    NeedsSequential where a packet's headers cannot be decoded: what is lost with it must not
    depend on which frames are wanted.
    """
    pts, flags, last = [], [], until / float(stream.time_base or 1)
    first: float = math.inf  # the earliest displayed so far: ticks of the first frame, or later
    for packet in read_packets(container, stream):
        time = totals.add(packet)
        if not packet.size:
            continue
        pts.append(time or 0)
        flags.append(packet.is_keyframe | 2 * (not packet.is_discard))
        first = first if packet.is_discard else min(first, pts[-1])
        dts = packet.dts
        _check_headers(packet)
        # No frame is displayed before it is decoded, so none that is still to come is needed.
        if dts is not None and dts - first > last:
            break
    stream.codec_context.flush_buffers()
    times, marks = np.array(pts, np.int64), np.array(flags, np.uint8)
    key, shown = marks & 1 > 0, marks & 2 > 0
    return PacketPlan(times, key, shown, _is_regular(stream, totals, times, key, shown))


def _check_headers(packet: "Packet") -> None:
    """NeedsSequential where the decoder rejects the packet before it decodes any picture."""
    from av.error import FFmpegError

    packet.stream.codec_context.skip_frame = "ALL"
    try:
        packet.decode()
    except FFmpegError as error:
        raise NeedsSequential("a packet is damaged") from error
    finally:
        packet.stream.codec_context.skip_frame = "DEFAULT"


def _codec_name(stream: "VideoStream") -> str:
    return stream.codec_context.codec.canonical_name


def _is_regular(
    stream: "VideoStream", totals: PacketTotals, pts: np.ndarray, key: np.ndarray, shown: np.ndarray
) -> bool:
    """Whether times identify frames and are believed, and the first packet starts everything."""
    clock = totals.clock
    if not shown.any() or not clock.timed or clock.joins or totals.corrupt:
        return False
    # Frames come in another order than packets, or they do not: their times have to say the same.
    if clock.reordered != bool(stream.codec_context.has_b_frames):
        return False
    distinct = len(np.unique(pts)) == len(pts)
    starts = bool(key[0]) and pts[0] == pts.min()
    return _codec_name(stream) in REGULAR_CODECS and distinct and starts


def plan_spans(plan: PacketPlan, wanted: np.ndarray) -> list[tuple[int, int]]:
    """Runs of positions, first and last, that decode the `wanted` ones: each starts at a keyframe.

    A frame displayed before the keyframe it follows (an open group) needs the group before.
    """
    keys, spans = np.flatnonzero(plan.key), list[tuple[int, int]]()
    for position in wanted.tolist():
        group = int(np.searchsorted(keys, position, side="right")) - 1
        while group > 0 and plan.pts[keys[group]] > plan.pts[position]:
            group -= 1
        start = int(keys[group])
        if spans and start <= spans[-1][1] + 1:
            spans[-1] = (spans[-1][0], max(spans[-1][1], position))
        else:
            spans.append((start, position))
    return spans


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
        codec = _codec_name(self.stream)
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
        packet = next(self._source, None)
        if packet is None:
            raise NeedsSequential("seeking went past the end")
        positions = np.flatnonzero(self.plan.pts == packet.pts)
        if len(positions) != 1 or positions[0] > first:
            raise NeedsSequential("seeking missed the keyframe")
        self._at = int(positions[0])
        self._source = chain((packet,), self._source)


def _choose_frames(frames: list["VideoFrame"], chosen: set[int]) -> Iterator["VideoFrame"]:
    for frame in frames:
        if frame.interlaced_frame:
            raise NeedsSequential("two fields may make one frame")
        if frame.pts in chosen:
            yield frame


def _has_one_layer(stream: "VideoStream") -> bool:
    """Whether an HEVC stream states one temporal layer; frames of others may be referred to."""
    extra = stream.codec_context.extradata or b""  # hvcC, ISO 14496-15: numTemporalLayers
    return len(extra) > 21 and extra[0] == 1 and (extra[21] >> 3) & 7 == 1
