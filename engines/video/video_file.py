"""Decodes one whole file: only what the kept frames need where that is safe, else end to end."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from engines.files.access import STRICT, UrlPolicy
from engines.video.container import OpenVideo, open_video, select_video_stream
from engines.video.frame_clock import FrameClock
from engines.video.frames import DecodeError, Sampling
from engines.video.packet_clock import FALLBACK_FPS, build_clock
from engines.video.packet_plan import NeedsSequential, scan_packets
from engines.video.packets import DamagedPacket, PacketDecoder, read_packets
from engines.video.sampling import compute_steps, filter_frames, select_frames
from engines.video.seeking import SparseDecoder
from engines.video.truncation import (
    ExpectedLength,
    PacketTotals,
    read_expected_length,
)

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

MARGIN_SECONDS = 1.0  # longer than any frame of a usual video lasts

TimedFrame = tuple[int, float, "VideoFrame"]  # index, seconds, frame


@dataclass(slots=True)
class VideoFile:
    """One file being decoded, and what is known of it so far."""

    uri: str
    policy: UrlPolicy = STRICT
    aspect: Fraction | None = None
    duration: float | None = None
    fps: float = FALLBACK_FPS
    read_s: float = 0.0
    damaged: int = 0

    def decode_sampled(self, sampling: Sampling) -> Iterator[TimedFrame]:
        """(index, seconds, frame) of the sampled frames, decoded in the cheaper of two ways."""
        last = -1
        try:
            for frame in self.decode_sparse(sampling):
                last = frame[0]
                yield frame
        except NeedsSequential:
            rest = self.decode_sequential(sampling)
            yield from (frame for frame in rest if frame[0] > last)

    def decode_sparse(self, sampling: Sampling) -> Iterator[TimedFrame]:
        """Reads all packets without decoding, then decodes only what the kept frames need."""
        if sampling.every_nth == 1:
            raise NeedsSequential("every frame is wanted")
        with self._open_stream() as (file, stream):
            # A few frames of a long file are worth it: the others need not be decoded.
            few = sampling.count or sampling.keyframes or sampling.parts
            if not file.near and not few:
                raise NeedsSequential("reading twice is not cheap")
            yield from self._decode_planned(file, stream, sampling)

    def _decode_planned(
        self, file: OpenVideo, stream: "VideoStream", sampling: Sampling
    ) -> Iterator[TimedFrame]:
        expected, totals = _start_reading(file, stream)
        started = time.perf_counter()
        try:
            until = _last_needed_second(sampling)
            plan = scan_packets(file.container, stream, totals, until)
        finally:
            self.read_s += time.perf_counter() - started
        if not sampling.count:  # a window stops reading early, and cannot know the length
            self._check_length(totals, expected)
        if not plan.regular:
            raise NeedsSequential("irregular packets")
        shown = plan.sort_displayed()
        ticks = plan.pts[shown]
        seconds = (ticks - ticks[0]) * float(stream.time_base or 0)
        index = select_frames(seconds, sampling, plan.key[shown])
        frames = SparseDecoder(file.container, stream, plan).decode_frames(shown[index])
        yield from zip(index.tolist(), seconds[index].tolist(), frames, strict=True)

    def decode_sequential(self, sampling: Sampling) -> Iterator[TimedFrame]:
        """Decodes every frame: the reference that sparse decoding must agree with."""
        total = self._count_frames(sampling) if sampling.parts else 0
        with self._open_stream() as (file, stream):
            expected, totals = _start_reading(file, stream)
            count = 0
            every = self._decode_all(file, stream, expected, totals)
            for frame in filter_frames(every, sampling, total):
                count += 1
                yield frame
            self.damaged = totals.damaged
            if not sampling.count and count != sampling.first:
                self._check_length(totals, expected)
                totals.check_damage(sampling.max_damaged)
            if not count:
                totals.check_damage(0.0)
                raise DecodeError("empty", "its video stream has no frame")

    def _count_frames(self, sampling: Sampling) -> int:
        """How many frames come out, which only decoding them shows of an irregular file."""
        return sum(1 for _ in self.decode_sequential(replace(sampling, every_nth=1, parts=None)))

    def _decode_all(
        self, file: OpenVideo, stream: "VideoStream", expected: ExpectedLength, totals: PacketTotals
    ) -> Iterator[TimedFrame]:
        clock, decoder = FrameClock(totals.clock, stream), PacketDecoder(stream)
        for number, packet in enumerate(self._read_timed(file.container, stream)):
            time = totals.add(packet)
            if packet.is_corrupt and expected.packets:
                return  # cut off in the middle: the length check then reports a truncated file
            if not packet.size:
                continue
            clock.add(number, time, packet)
            try:
                yield from map(clock.time_frame, decoder.decode(packet, number))
            except DamagedPacket:
                totals.damaged += 1
                clock.drop(number)
        yield from map(clock.time_frame, decoder.flush())

    def _read_timed(self, container: "InputContainer", stream: "VideoStream") -> Iterator["Packet"]:
        """The packets; the seconds spent waiting for them are added to `read_s`."""
        source = read_packets(container, stream)
        while True:
            started = time.perf_counter()
            packet = next(source, None)
            self.read_s += time.perf_counter() - started
            if packet is None:
                return
            yield packet

    @contextmanager
    def _open_stream(self) -> Iterator[tuple[OpenVideo, "VideoStream"]]:
        started = time.perf_counter()
        with open_video(self.uri, self.policy) as file:
            stream = select_video_stream(file.container)
            self.aspect = stream.sample_aspect_ratio
            self.fps = read_rate(stream)
            self.read_s += time.perf_counter() - started
            yield file, stream

    def _check_length(self, totals: PacketTotals, expected: ExpectedLength) -> None:
        totals.check(expected)
        self.duration = totals.clock.measure_seconds()


def read_rate(stream: "VideoStream") -> float:
    """The frames a second that a container states or suggests."""
    return float(stream.guessed_rate or stream.average_rate or FALLBACK_FPS)


def _start_reading(file: OpenVideo, stream: "VideoStream") -> tuple[ExpectedLength, PacketTotals]:
    return read_expected_length(file, stream), PacketTotals(build_clock(file.container, stream))


def _last_needed_second(sampling: Sampling) -> float:
    """Up to where packets are needed: a window's end, and the frame after it."""
    return compute_steps(sampling)[-1] + MARGIN_SECONDS if sampling.count else math.inf
