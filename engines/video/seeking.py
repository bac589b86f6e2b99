"""A video's packets without their data, and decoding only what the wanted frames need."""

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from engines.video.packets import full
from engines.video.truncation import Tally

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

# One packet shown is one frame in these; VP8 hides frames in packets of their own, for one.
REGULAR = {"h264", "hevc", "mpeg4", "mpeg1video", "mpeg2video", "vp9", "av1", "mjpeg", "prores"}
# Decoders that let frames nobody refers to be skipped one by one.
SKIPS = {"h264", "mpeg4", "mpeg1video", "mpeg2video"}
JUMP = 256  # packets: reading 5 µs each on is cheaper than a seek up to about here


class Unsure(Exception):
    """The file does not behave as its packets promised: decode it from end to end instead."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Packets in decoding order: presentation time, keyframe or not, displayed or not."""

    pts: np.ndarray
    key: np.ndarray
    shown: np.ndarray
    regular: bool

    def displayed(self) -> np.ndarray:
        """Positions of the displayed packets, in display order."""
        positions = np.flatnonzero(self.shown)
        return positions[np.argsort(self.pts[positions], kind="stable")]


def survey(
    container: "InputContainer", stream: "VideoStream", tally: Tally, until: float = math.inf
) -> Plan:
    """Reads every packet once, up to `until` seconds, keeping none of the data."""
    pts, flags, timed, last = [], [], True, until / float(stream.time_base or 1)
    first: float = math.inf  # the earliest displayed so far: ticks of the first frame, or later
    for packet in full(container, stream):
        tally.add(packet)
        timed = timed and packet.pts is not None
        pts.append(packet.pts or 0)
        flags.append(packet.is_keyframe | 2 * (not packet.is_discard))
        first = first if packet.is_discard else min(first, pts[-1])
        # No frame is displayed before it is decoded, so none that is still to come is needed.
        if packet.dts is not None and packet.dts - first > last:
            break
    times, marks = np.array(pts, np.int64), np.array(flags, np.uint8)
    key, shown = marks & 1 > 0, marks & 2 > 0
    usual = timed and not tally.corrupt and _codec(stream) in REGULAR
    return Plan(times, key, shown, usual and bool(shown.any()) and _regular(times, key))


def _codec(stream: "VideoStream") -> str:
    return stream.codec_context.codec.canonical_name


def _regular(pts: np.ndarray, key: np.ndarray) -> bool:
    """Whether frames can be told by their times, and the first packet starts everything."""
    distinct = len(np.unique(pts)) == len(pts)
    return len(pts) > 0 and distinct and bool(key[0]) and pts[0] == pts.min()


def spans(plan: Plan, wanted: np.ndarray) -> list[tuple[int, int]]:
    """Runs of positions, first and last, that decode the `wanted` ones: each starts at a keyframe.

    A frame displayed before the keyframe it follows (an open group) needs the group before.
    """
    keys, found = np.flatnonzero(plan.key), list[tuple[int, int]]()
    for position in wanted.tolist():
        at = int(np.searchsorted(keys, position, side="right")) - 1
        while at > 0 and plan.pts[keys[at]] > plan.pts[position]:
            at -= 1
        start = int(keys[at])
        if found and start <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], position))
        else:
            found.append((start, position))
    return found


@dataclass(slots=True)
class Sparse:
    """Decodes the wanted positions of a plan; the container stands at its end."""

    container: "InputContainer"
    stream: "VideoStream"
    plan: Plan
    _source: Iterator["Packet"] = field(default_factory=lambda: iter(()))
    _at: int = sys.maxsize  # the position of the packet that comes next

    def frames(self, wanted: np.ndarray) -> Iterator["VideoFrame"]:
        """The frames at these positions (given in display order), in that order."""
        due = iter(self.plan.pts[wanted].tolist())
        chosen = set(wanted.tolist())
        for first, last in spans(self.plan, wanted):
            for frame in self._span(first, last, chosen):
                if frame.pts != next(due, None):
                    raise Unsure("a wanted frame did not come out")
                yield frame
        if next(due, None) is not None:
            raise Unsure("the last wanted frames did not come out")

    def _span(self, first: int, last: int, chosen: set[int]) -> Iterator["VideoFrame"]:
        context = self.stream.codec_context
        times = {int(self.plan.pts[p]) for p in chosen if first <= p <= last}
        skips = self._skips()
        context.flush_buffers()
        for position, packet in self._read(first, last):
            context.skip_frame = "NONREF" if skips and position not in chosen else "DEFAULT"
            yield from _matching(_frames(packet), times)
        context.skip_frame = "DEFAULT"
        yield from _matching(context.decode(None), times)

    def _skips(self) -> bool:
        codec = _codec(self.stream)
        return codec in SKIPS or (codec == "hevc" and _one_layer(self.stream))

    def _read(self, first: int, last: int) -> Iterator[tuple[int, "Packet"]]:
        if not self._at <= first <= self._at + JUMP:
            self._seek(first)
        while self._at <= last:
            packet = next(self._source, None)
            if packet is None or packet.pts != self.plan.pts[self._at]:
                raise Unsure("packets differ from the first reading")
            self._at += 1
            if self._at > first:
                yield self._at - 1, packet

    def _seek(self, first: int) -> None:
        """Stands at or before the keyframe `first`."""
        self.container.seek(int(self.plan.pts[first]), stream=self.stream)
        self._source = full(self.container, self.stream)
        packet = next(self._source, None)
        if packet is None:
            raise Unsure("seeking went past the end")
        found = np.flatnonzero(self.plan.pts == packet.pts)
        if len(found) != 1 or found[0] > first:
            raise Unsure("seeking missed the keyframe")
        self._at = int(found[0])
        self._source = _chain(packet, self._source)


def _chain(packet: "Packet", rest: Iterator["Packet"]) -> Iterator["Packet"]:
    yield packet
    yield from rest


def _frames(packet: "Packet") -> list["VideoFrame"]:
    from av.error import FFmpegError

    try:
        return packet.decode()
    except FFmpegError as error:
        raise Unsure("a packet does not decode") from error


def _matching(frames: list["VideoFrame"], times: set[int]) -> Iterator["VideoFrame"]:
    for frame in frames:
        if frame.interlaced_frame:
            raise Unsure("two fields may make one frame")
        if frame.pts in times:
            yield frame


def _one_layer(stream: "VideoStream") -> bool:
    """Whether an HEVC stream says it has one temporal layer; others refer to such frames."""
    extra = stream.codec_context.extradata or b""
    return len(extra) > 21 and extra[0] == 1 and (extra[21] >> 3) & 7 == 1
