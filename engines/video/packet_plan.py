"""All packets of a video, listed without decoding them, and what of them wanted frames need."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engines.video.headers import has_sound_headers
from engines.video.packets import read_packets
from engines.video.truncation import PacketTotals

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

# One packet shown is one frame in these; VP8, for one, hides frames in packets of their own.
REGULAR_CODECS = {
    *("h264", "hevc", "mpeg4", "mpeg1video", "mpeg2video", "vp9", "av1", "mjpeg", "prores")
}


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
    origin: float = math.inf,
) -> PacketPlan:
    """Reads every packet once, up to `until` seconds, keeping none of the data.

    Seconds count from the first frame, or from `origin` in ticks, where reading begins later.

    NeedsSequential where a packet is damaged: what is lost with it must not depend on which frames
    are wanted.
    """
    pts, flags, last = [], [], until / float(stream.time_base or 1)
    first = origin  # the earliest displayed so far: ticks of the first frame, or later
    for packet in read_packets(container, stream):
        time = totals.add(packet)
        if not packet.size:
            continue
        pts.append(time or 0)
        flags.append(packet.is_keyframe | 2 * (not packet.is_discard))
        first = first if packet.is_discard else min(first, pts[-1])
        dts = packet.dts
        if not has_sound_headers(packet):
            raise NeedsSequential("a packet is damaged")
        # No frame is displayed before it is decoded, so none that is still to come is needed.
        if dts is not None and dts - first > last:
            break
    stream.codec_context.flush_buffers()
    times, marks = np.array(pts, np.int64), np.array(flags, np.uint8)
    key, shown = marks & 1 > 0, marks & 2 > 0
    return PacketPlan(times, key, shown, _is_regular(stream, totals, times, key, shown))


def get_codec_name(stream: "VideoStream") -> str:
    """The codec's name, whichever library decodes it."""
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
    return get_codec_name(stream) in REGULAR_CODECS and distinct and starts


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
