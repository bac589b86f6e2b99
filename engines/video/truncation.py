"""Whether a file holds what its own header promises."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engines.video.container import Opened
from engines.video.frames import DecodeError

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.stream import VideoStream

STATED = {"mov", "matroska", "avi", "flv"}  # containers whose header states a duration


@dataclass(slots=True)
class Promise:
    """What the header says, taken before any packet is read."""

    packets: int
    seconds: float | None

    def check(self, read: int, corrupt: int, seconds: float) -> None:
        """Refuses a file that ends early; `seconds` is where its content ends."""
        if read - corrupt < self.packets:
            raise DecodeError(
                "undecodable", f"truncated: {read - corrupt} of {self.packets} frames"
            )
        if self.seconds and seconds < self.seconds / 2:
            said = f"the header says {self.seconds:.1f} s, the content ends at {seconds:.1f} s"
            raise DecodeError("undecodable", f"truncated: {said}")


def promise(file: Opened, stream: "VideoStream") -> Promise:
    """Packets by the container's index (0 where it lists only some), seconds by the header."""
    names = set(file.container.format.name.split(","))
    listed = len(stream.index_entries) if "mov" in names else 0
    return Promise(listed, _stated(file, stream) if names & STATED else None)


def _stated(file: Opened, stream: "VideoStream") -> float | None:
    """The video's duration by its header; the whole file's where nothing else is known in it."""
    others = [s for s in file.container.streams if s.index != stream.index]
    if file.movie_seconds and all(s.duration is not None for s in others):
        lengths = [float(s.duration * s.time_base) for s in others if s.duration and s.time_base]
        # libav believes the index, not this header; another track may be what lasts so long.
        return file.movie_seconds if file.movie_seconds > 2 * max(lengths, default=0.0) else None
    if stream.duration is not None and stream.time_base:
        return float(stream.duration * stream.time_base)
    if file.container.duration is not None and not others:
        return file.container.duration / 1_000_000
    return None


@dataclass(slots=True)
class Tally:
    """Packets as they are read: how many, how many of them cut short, and where they end."""

    read: int = 0
    corrupt: int = 0
    first: int | None = None
    end: int = 0

    def add(self, packet: "Packet") -> None:
        """Counts one packet."""
        self.read += 1
        self.corrupt += packet.is_corrupt
        if packet.pts is not None:
            stop = packet.pts + (packet.duration or 0)
            self.first = packet.pts if self.first is None else min(self.first, packet.pts)
            self.end = stop if self.read == 1 else max(self.end, stop)

    def span(self, stream: "VideoStream") -> float | None:
        """Seconds from the first picture to the end of the last, None without timestamps."""
        if self.first is None or stream.time_base is None:
            return None
        return float((self.end - self.first) * stream.time_base)

    def check(self, promised: Promise, stream: "VideoStream") -> None:
        """Refuses a file that broke its promise."""
        span = self.span(stream)
        promised.check(self.read, self.corrupt, float("inf") if span is None else span)
