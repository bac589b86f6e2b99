"""Decodes a video's sound as blocks of mono samples, whatever its container and codec."""

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from data.specs.pipeline import MAX_DAMAGED
from engines.files.access import STRICT, UrlPolicy
from engines.files.time_span import TimeSpan, split_span
from engines.video.container import open_video
from engines.video.frames import DecodeError, Frames, ReadStats
from engines.video.packets import read_packets

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer

RATE = 16_000  # samples a second: what speech models hear
BLOCK = 30 * RATE
GAP_S = 0.25  # a longer pause between packets is silence that was not stored
MAX_CHANNELS = 64
SEEK_MARGIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Sound:
    """A block of samples, (n,) int16 at 16 kHz, which begins `start` seconds after frame 0."""

    start: float
    samples: np.ndarray


def warm_up() -> None:
    """Imports what decoding needs, so that no video's deadline pays for it."""
    import av  # noqa: F401


def decode_sound(uri: str, policy: UrlPolicy = STRICT) -> Generator[Frames, None, ReadStats]:
    """Blocks of at most 30 s in order; none of a video without an audio track.

    A block begins anew where the track has a hole. Of a span of a file, its part of the sound. A
    DecodeError where bytes are missing at the file's end, or where more than a tenth of the track's
    packets do not decode.
    """
    location, span = split_span(uri)
    if location.startswith("fake://"):
        return ReadStats()
    with open_video(location, policy) as file:
        stream = _select_stream(file.container)
        if stream is None:
            return ReadStats()
        if file.whole is False:
            raise DecodeError("undecodable", "truncated: bytes are missing at its end")
        track = _Track(stream, _find_zero(file.container))
        pieces = track.decode(file.container, span.start if span else 0.0)
        blocks = _split_blocks(_cut_span(pieces, span) if span else pieces)
        for number, block in enumerate(blocks):
            yield Frames(np.array([number]), np.array([block.start]), block.samples[None])
        return ReadStats(track.read_s, damaged=track.damaged)


def _cut_span(pieces: Iterator[Sound], span: TimeSpan) -> Iterator[Sound]:
    """The sound from the span's start on and before its end, in seconds of the span."""
    for piece in pieces:
        start = piece.start - span.start
        samples = piece.samples[max(0, round(-start * RATE)) :]
        start = max(start, 0.0)
        if span.end is not None:
            samples = samples[: max(0, round((span.end - span.start - start) * RATE))]
            if not len(samples) and start > 0:
                return  # what comes after the span is not read
        if len(samples):
            yield Sound(start, samples)


def _select_stream(container: "InputContainer") -> "AudioStream | None":
    from av.stream import Discard

    stream = container.streams.best("audio")
    if stream is None or stream.codec_context is None:
        return None
    for other in container.streams:
        if other.index != stream.index:
            other.discard = Discard.all
    return stream  # type: ignore[return-value]


def _find_zero(container: "InputContainer") -> float:
    """Where the video's first frame is on the container's clock, in seconds."""
    starts = [s.start_time * s.time_base for s in container.streams.video
              if s.start_time is not None and s.time_base]  # fmt: skip
    return float(min(starts, default=0.0))


@dataclass(slots=True)
class _Track:
    """An audio stream being decoded, and what is known of it so far."""

    stream: "AudioStream"
    zero: float
    read_s: float = 0.0
    packets: int = 0
    damaged: int = 0

    def decode(self, container: "InputContainer", after_s: float = 0.0) -> Iterator[Sound]:
        """Small pieces of sound, in order; each follows the one before unless its start says no.

        Those that end long before `after_s` may be left out.
        """
        from av.audio.resampler import AudioResampler

        if after_s > SEEK_MARGIN_S:  # a decoder needs some packets before it gives what was stored
            container.seek(int((after_s + self.zero - SEEK_MARGIN_S) * 1_000_000))
        resampler = AudioResampler(format="s16", layout="mono", rate=RATE)
        position: float | None = None
        for frame in self._decode_frames(container):
            if len(frame.layout.channels) > MAX_CHANNELS:
                raise DecodeError("undecodable", f"more than {MAX_CHANNELS} channels of sound")
            start = None if frame.time is None else frame.time - self.zero
            if start is None or (position is not None and start < position + GAP_S):
                start = position or 0.0
            position = start
            frame.pts = None  # the resampler would fill holes, and stumbles over times that go back
            for piece in resampler.resample(frame):
                samples = piece.to_ndarray().reshape(-1)
                yield Sound(position, samples)
                position += len(samples) / RATE
        for piece in resampler.resample(None):
            yield Sound(position or 0.0, piece.to_ndarray().reshape(-1))
        self._check_damage()

    def _decode_frames(self, container: "InputContainer") -> Iterator["AudioFrame"]:
        from av.error import FFmpegError

        source = read_packets(container, self.stream)  # type: ignore[arg-type]
        while True:
            started = time.perf_counter()
            packet = next(source, None)
            self.read_s += time.perf_counter() - started
            if packet is None:
                break
            self.packets += packet.size > 0
            try:
                yield from packet.decode() if packet.size else []  # type: ignore[misc]
            except MemoryError:
                raise
            except FFmpegError:
                self.damaged += 1
        yield from self.stream.codec_context.decode(None)

    def _check_damage(self) -> None:
        if self.damaged > MAX_DAMAGED * self.packets:
            raise DecodeError(
                "undecodable",
                f"damaged: {self.damaged} of {self.packets} packets of its sound cannot be decoded",
            )


def _split_blocks(pieces: Iterator[Sound]) -> Iterator[Sound]:
    """Joins pieces that follow each other into blocks."""
    held: list[np.ndarray] = []
    start = count = 0.0
    for piece in pieces:
        follows = abs(start + count / RATE - piece.start) < GAP_S
        if held and (count >= BLOCK or not follows):
            yield Sound(start, np.concatenate(held))
            held, count = [], 0
        if not held:
            start = piece.start
        held.append(piece.samples)
        count += len(piece.samples)
    if held:
        yield Sound(start, np.concatenate(held))
