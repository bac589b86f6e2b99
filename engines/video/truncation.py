"""Whether a file holds as much video as its own header says."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engines.video.container import OpenVideo
from engines.video.frames import DecodeError

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.stream import VideoStream

FORMATS_WITH_DURATION = {"mov", "matroska", "avi", "flv"}  # whose header states one


@dataclass(slots=True)
class ExpectedLength:
    """A video's packets and seconds by its header, read before any packet is."""

    packets: int
    seconds: float | None

    def check(self, read: int, corrupt: int, seconds: float) -> None:
        """Raises a DecodeError for a file that ends early; `seconds` is where its content ends."""
        if read - corrupt < self.packets:
            raise DecodeError(
                "undecodable", f"truncated: {read - corrupt} of {self.packets} frames"
            )
        # Half: a header's duration need not be exact in an intact file.
        if self.seconds and seconds < self.seconds / 2:
            detail = f"the header says {self.seconds:.1f} s, the content ends at {seconds:.1f} s"
            raise DecodeError("undecodable", f"truncated: {detail}")


def read_expected_length(file: OpenVideo, stream: "VideoStream") -> ExpectedLength:
    """Packets by the container's index (0 where it lists only some), seconds by the header."""
    names = set(file.container.format.name.split(","))
    # Only an mp4's index lists every packet; in others it lists keyframes, or is built on the way.
    listed = len(stream.index_entries) if "mov" in names else 0
    seconds = _read_header_seconds(file, stream) if names & FORMATS_WITH_DURATION else None
    return ExpectedLength(listed, seconds)


def _read_header_seconds(file: OpenVideo, stream: "VideoStream") -> float | None:
    """The stream's duration by the header; the file's where it has no other stream."""
    others = [s for s in file.container.streams if s.index != stream.index]
    if file.movie_seconds and all(s.duration is not None for s in others):
        lengths = [float(s.duration * s.time_base) for s in others if s.duration and s.time_base]
        # libav trusts the index, not this header; another track may be what lasts so long.
        return file.movie_seconds if file.movie_seconds > 2 * max(lengths, default=0.0) else None
    if stream.duration is not None and stream.time_base:
        return float(stream.duration * stream.time_base)
    if file.container.duration is not None and not others:
        return file.container.duration / 1_000_000
    return None


@dataclass(slots=True)
class PacketTotals:
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

    def check(self, expected: ExpectedLength, stream: "VideoStream") -> None:
        """Raises a DecodeError for a file that is shorter than its header says."""
        span = self.span(stream)
        expected.check(self.read, self.corrupt, float("inf") if span is None else span)
