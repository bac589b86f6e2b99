"""Decodes a span of a file as a video of its own: it is sought, and nothing after it is read."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engines.files.time_span import TimeSpan
from engines.video.frame_clock import FrameClock
from engines.video.frames import Sampling
from engines.video.packet_plan import NeedsSequential, PacketPlan, scan_packets
from engines.video.packets import DamagedPacket, PacketDecoder, read_packets
from engines.video.sampling import compute_steps, filter_frames, select_frames
from engines.video.seeking import SparseDecoder
from engines.video.shared_open import SharedFile
from engines.video.span_limits import SLACK_S, find_inside, measure_span
from engines.video.truncation import PacketTotals

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.frame import VideoFrame

MARGIN_S = 1.0  # longer than any frame of a usual video lasts
BACK_S = (0.0, 2.0, 10.0, math.inf)  # how much earlier to look for a keyframe, in turn

TimedFrame = tuple[int, float, "VideoFrame"]  # index, seconds, frame


@dataclass(slots=True)
class SpanDecoder:
    """The frames of one span; indices and seconds count from its first frame.

    A span has the frames that are shown from its start on and before its end. `duration` is known
    once frames up to the end were looked for.
    """

    shared: SharedFile
    span: TimeSpan
    duration: float | None = None
    read_s: float = 0.0
    damaged: int = 0
    _back_s: float = 0.0

    def decode_sampled(self, sampling: Sampling) -> Iterator[TimedFrame]:
        """(index, seconds, frame) of the sampled frames, each way of decoding giving the same."""
        last = -1
        try:
            for frame in self.decode_sparse(sampling):
                last = frame[0]
                yield frame
        except NeedsSequential:
            total = sum(1 for _ in self.decode_all()) if sampling.parts else 0
            rest = filter_frames(self.decode_all(), sampling, total)
            yield from (frame for frame in rest if frame[0] > last)

    def decode_sparse(self, sampling: Sampling) -> Iterator[TimedFrame]:
        """Lists the span's packets, then decodes what the kept frames need."""
        file, stream = self.shared.file, self.shared.stream
        started = time.perf_counter()
        try:
            listed = self._list_packets(sampling)
        finally:
            self.read_s += time.perf_counter() - started
        shown = listed.plan.sort_displayed()
        seconds = (listed.plan.pts[shown] - listed.origin) * self._base
        inside = find_inside(seconds, self.span)
        self.duration = measure_span(self.span, listed.ends, bool(inside.any()))
        shown, seconds = shown[inside], seconds[inside] - seconds[inside][0]
        index = select_frames(seconds, sampling, listed.plan.key[shown])
        decoder = SparseDecoder(file.container, stream, listed.plan)
        frames = decoder.decode_frames(shown[index])
        yield from zip(index.tolist(), seconds[index].tolist(), frames, strict=True)

    def decode_all(self) -> Iterator[TimedFrame]:
        """Every frame of the span: from a keyframe before it, or where none can be found, from the
        start of the file.
        """
        first, count, ends = None, 0, 0.0
        for seconds, lasts, frame in self._decode_on():
            ends = seconds + lasts
            if self.span.end is not None and seconds >= self.span.end - SLACK_S:
                break
            if seconds >= self.span.start - SLACK_S:
                first = seconds if first is None else first
                yield count, seconds - first, frame
                count += 1
        self.duration = measure_span(self.span, ends, count > 0)

    def _decode_on(self) -> Iterator[tuple[float, float, "VideoFrame"]]:
        """(seconds on the file's clock, seconds that it lasts, frame), on and on."""
        shared, totals, origin = self.shared, self.shared.count(), None
        if shared.is_indexed:
            origin = self._list_packets(Sampling(None, 1.0, count=1)).origin
            self._seek(origin, self._back_s)
        else:
            shared.rewind()
        clock, decoder = FrameClock(totals.clock, shared.stream), PacketDecoder(shared.stream)
        for packets in (read_packets(shared.file.container, shared.stream), None):
            for frame in self._decode_packets(packets, clock, decoder, totals):
                _, seconds, picture = clock.time_frame(frame)
                offset = 0.0 if origin is None else float(clock.first - origin) * self._base
                yield seconds + offset, float(1 / totals.clock.rate), picture

    def _decode_packets(
        self, packets: "Iterator[Packet] | None", clock: FrameClock, decoder: PacketDecoder,
        totals: PacketTotals,
    ) -> Iterator["VideoFrame"]:  # fmt: skip
        """The frames of packets; without any, those that the decoder still holds."""
        if packets is None:
            yield from decoder.flush()
            return
        for number, packet in enumerate(packets):
            ticks = totals.add(packet)
            if not packet.size:
                continue
            clock.add(number, ticks, packet)
            try:
                yield from decoder.decode(packet, number)
            except DamagedPacket:
                self.damaged += 1
                clock.drop(number)

    def _list_packets(self, sampling: Sampling) -> "Listed":
        """The packets that hold the span, or as much of it as is needed."""
        shared, span = self.shared, self.span
        if not shared.is_indexed:
            plan = shared.whole
            if not plan.regular:
                raise NeedsSequential("irregular packets")
            return self._measure(plan, int(plan.pts[plan.shown].min()), math.inf)
        last = span.end if span.end is not None else math.inf
        if sampling.count:
            last = min(last, span.start + float(compute_steps(sampling)[-1]) + MARGIN_S)
        head = shared.head
        origin = int(head.pts[head.shown].min())
        for self._back_s in BACK_S:
            self._seek(origin, self._back_s)
            plan = scan_packets(shared.file.container, shared.stream, shared.count(),
                                last + MARGIN_S, origin)  # fmt: skip
            # Containers seek by times of decoding, which are earlier than those of showing.
            due = origin + (span.start - SLACK_S) / self._base
            if len(plan.pts) and plan.key[0] and plan.pts[0] <= max(due, origin):
                return self._measure(plan, origin, last)
            if not len(plan.pts):
                break
        raise NeedsSequential("seeking missed the keyframe")

    @property
    def _base(self) -> float:
        return float(self.shared.stream.time_base or 1)

    def _seek(self, origin: int, back_s: float) -> None:
        target = origin + max(0.0, self.span.start - SLACK_S - back_s) / self._base
        self.shared.seek(math.floor(target))

    def _measure(self, plan: PacketPlan, origin: int, last: float) -> "Listed":
        """Says where the last picture ends that was listed; inf where there are more."""
        rate = self.shared.count().clock.rate
        ends = (int(plan.pts[plan.shown].max()) - origin) * self._base + float(1 / rate)
        more = last < (math.inf if self.span.end is None else self.span.end) and ends > last
        return Listed(plan, origin, math.inf if more else ends)


@dataclass(frozen=True, slots=True)
class Listed:
    """Packets around a span, the file's first tick, and the second where the last picture ends."""

    plan: PacketPlan
    origin: int
    ends: float
