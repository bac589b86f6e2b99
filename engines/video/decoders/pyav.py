"""Any container and codec that PyAV opens; what nobody wants is not decoded where that is safe."""

import math
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from importlib import metadata
from typing import TYPE_CHECKING

import numpy as np

from engines.video.container import Opened, Reading, opened, video_stream
from engines.video.frames import DecodeError, Frames, Resize, Sampling
from engines.video.packets import decoded, packets
from engines.video.pixels import rgb
from engines.video.resize import resize as resized
from engines.video.sampling import keep, kept, steps
from engines.video.seeking import Sparse, Unsure, survey
from engines.video.truncation import Promise, Tally, promise

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

BATCH_SECONDS = 5.0  # the model need not wait longer for a slow video
FALLBACK_FPS = 25.0
MARGIN_SECONDS = 1.0  # longer than any frame of a usual video lasts

Picked = tuple[int, float, "VideoFrame"]
Pictured = tuple[int, float, np.ndarray]


def version() -> str:
    """Of what decodes; another one may read what this one refuses."""
    return f"av {metadata.version('av')}"


def warm(resize: Resize | None) -> None:
    """Imports what decoding needs, so that no video waits for it; one thread, one core."""
    import av  # noqa: F401

    if resize is not None:
        import torch

        torch.set_num_threads(1)


def frames(
    uri: str, sampling: Sampling, resize: Resize | None, chunk: int = 32
) -> Generator[Frames, None, Reading]:
    """The sampled frames of one video; afterwards, what reading it took."""
    video = Video(uri)
    pictures = ((i, t, rgb(frame, video.aspect)) for i, t, frame in video.picked(sampling))
    yield from batches(pictures, resize, chunk)
    return Reading(video.read_s, video.duration, video.fps)


@dataclass(slots=True)
class Video:
    """One file being decoded, and what was learnt of it on the way."""

    uri: str
    aspect: Fraction | None = None
    duration: float | None = None
    fps: float = FALLBACK_FPS
    read_s: float = 0.0

    def picked(self, sampling: Sampling) -> Iterator[Picked]:
        """(index, seconds, frame) of what sampling keeps, by the cheaper of two equal ways."""
        last = -1
        try:
            for frame in self.sparse(sampling):
                last = frame[0]
                yield frame
        except Unsure:
            yield from (frame for frame in self.sequential(sampling) if frame[0] > last)

    def sparse(self, sampling: Sampling) -> Iterator[Picked]:
        """Reads all packets without decoding, then decodes only what the kept frames need."""
        if sampling.every_nth == 1:
            raise Unsure("every frame is wanted")
        with self._open() as (file, stream):
            if not file.near and not sampling.count:
                raise Unsure("reading twice is not cheap")
            yield from self._sparse(file, stream, sampling)

    def _sparse(self, file: Opened, stream: "VideoStream", sampling: Sampling) -> Iterator[Picked]:
        promised, tally, begun = promise(file, stream), Tally(), time.perf_counter()
        plan = survey(file.container, stream, tally, _needed(sampling))
        self.read_s += time.perf_counter() - begun
        if not sampling.count:
            self._settle(tally, promised, stream)
        if not plan.regular:
            raise Unsure("irregular packets")
        shown = plan.displayed()
        ticks = plan.pts[shown]
        seconds = (ticks - ticks[0]) * float(stream.time_base or 0)
        index = kept(seconds, sampling)
        found = Sparse(file.container, stream, plan).frames(shown[index])
        yield from zip(index.tolist(), seconds[index].tolist(), found, strict=True)

    def sequential(self, sampling: Sampling) -> Iterator[Picked]:
        """Every frame is decoded: what this gives is what sampling means."""
        with self._open() as (file, stream):
            promised, tally = promise(file, stream), Tally()
            count = 0
            for found in keep(self._all(file, stream, promised, tally), sampling):
                count += 1
                yield found
            if not sampling.count and count != sampling.first:
                self._settle(tally, promised, stream)
            if not count:
                raise DecodeError("empty", "its video stream has no frame")

    def _all(
        self, file: Opened, stream: "VideoStream", promised: Promise, tally: Tally
    ) -> Iterator[Picked]:
        index, first = 0, None
        for packet in self._read(file.container, stream):
            if packet.size:
                tally.add(packet)
            if packet.is_corrupt and promised.packets:
                return  # cut off in the middle: an end that comes too early
            for frame in decoded(packet):
                first = frame.pts if first is None else first
                yield index, _seconds(frame, first, index, stream), frame
                index += 1

    def _read(self, container: "InputContainer", stream: "VideoStream") -> Iterator["Packet"]:
        source = packets(container, stream)
        while True:
            begun = time.perf_counter()
            packet = next(source, None)
            self.read_s += time.perf_counter() - begun
            if packet is None:
                return
            yield packet

    @contextmanager
    def _open(self) -> Iterator[tuple[Opened, "VideoStream"]]:
        begun = time.perf_counter()
        with opened(self.uri) as file:
            stream = video_stream(file.container)
            self.aspect = stream.sample_aspect_ratio
            self.fps = float(stream.guessed_rate or stream.average_rate or FALLBACK_FPS)
            self.read_s += time.perf_counter() - begun
            yield file, stream

    def _settle(self, tally: Tally, promised: Promise, stream: "VideoStream") -> None:
        tally.check(promised, stream)
        self.duration = tally.span(stream)


def _needed(sampling: Sampling) -> float:
    """Up to which second packets are wanted: a window's end, and the frame after it."""
    return steps(sampling)[-1] + MARGIN_SECONDS if sampling.count else math.inf


def _seconds(frame: "VideoFrame", first: int | None, index: int, stream: "VideoStream") -> float:
    """Since the first frame; by counting at the average rate where frames have no time."""
    if frame.pts is None or first is None:
        return index / float(stream.average_rate or FALLBACK_FPS)
    return (frame.pts - first) * float(stream.time_base or 0)


def batches(pictures: Iterable[Pictured], resize: Resize | None, chunk: int) -> Iterator[Frames]:
    """Pictures resized one by one as they come, given on `chunk` at a time or when it takes long.

    One by one because a picture is then still in the processor's cache: 0.7 ms for 720p, against
    1.5 in tensors of 32, which also take 7 ms each to put together.
    """
    held: list[Pictured] = []
    shape: tuple[int, ...] = ()
    due = time.perf_counter() + BATCH_SECONDS
    for index, seconds, picture in pictures:
        shown = picture[None]
        shown = resized(shown, resize) if resize else shown.transpose(0, 3, 1, 2)
        shape = shape or shown.shape
        if shown.shape != shape:
            raise DecodeError(
                "undecodable", f"its pictures have another size from frame {index} on"
            )
        held.append((index, seconds, shown))
        if len(held) == chunk or time.perf_counter() > due:
            yield _batch(held)
            held, due = [], time.perf_counter() + BATCH_SECONDS
    if held:
        yield _batch(held)


def _batch(held: list[Pictured]) -> Frames:
    index, seconds, pixels = zip(*held, strict=True)
    return Frames(np.array(index, np.int64), np.array(seconds), np.concatenate(pixels))
