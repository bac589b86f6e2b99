"""Whether a file holds as much video as its own header says."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engines.video.container import OpenVideo
from engines.video.frames import DecodeError
from engines.video.packet_clock import PacketClock

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.stream import VideoStream

FORMATS_WITH_DURATION = {"mov", "matroska", "avi", "flv"}  # whose header states one
# Written when a recording ends, if ever, and copied along by tools that cut: not believed of a
# file that ends with a whole packet.
FORMATS_WITH_STALE_DURATION = {"flv"}


@dataclass(slots=True)
class ExpectedLength:
    """A video's packets and seconds by its header, read before any packet is.

    `cut` where bytes are missing at the file's end. `stale` where the seconds are believed only of
    such a file, and of one that breaks off within a packet.
    """

    packets: int
    seconds: float | None
    stale: bool = False
    cut: bool = False

    def check(self, read: int, corrupt: int, seconds: float, cut: bool) -> None:
        """Raises a DecodeError for a file that ends early.

        `seconds` is where its content ends, `cut` whether that is within a packet.
        """
        if read - corrupt < self.packets:
            raise DecodeError(
                "undecodable", f"truncated: {read - corrupt} of {self.packets} frames"
            )
        cut = cut or self.cut
        if self.seconds is None or (self.stale and not cut):
            return
        # A header's duration need not be exact in an intact file.
        if seconds < self.seconds * (0.95 if cut else 0.5):
            detail = f"the header says {self.seconds:.1f} s, the content ends at {seconds:.1f} s"
            raise DecodeError("undecodable", f"truncated: {detail}")


def read_expected_length(file: OpenVideo, stream: "VideoStream") -> ExpectedLength:
    """Packets by the container's index (0 where it lists only some), seconds by the header."""
    names = set(file.container.format.name.split(","))
    # Only an mp4's index lists every packet; in others it lists keyframes, or is built on the way.
    listed = len(stream.index_entries) if "mov" in names else 0
    seconds = _read_header_seconds(file, stream) if names & FORMATS_WITH_DURATION else None
    stale = file.whole is True or bool(names & FORMATS_WITH_STALE_DURATION)
    return ExpectedLength(listed, seconds, stale, file.whole is False)


def _read_header_seconds(file: OpenVideo, stream: "VideoStream") -> float | None:
    """The stream's duration by the header; the file's where it has no other stream."""
    if file.movie_seconds:
        return file.movie_seconds
    if stream.duration is not None and stream.time_base:
        return float(stream.duration * stream.time_base)
    if file.container.duration is not None and len(file.container.streams) == 1:
        return file.container.duration / 1_000_000
    return None


@dataclass(slots=True)
class PacketTotals:
    """Packets as they are read: how many, how many cut short or rejected, and their times."""

    clock: PacketClock
    read: int = 0
    data: int = 0
    corrupt: int = 0
    damaged: int = 0
    cut: bool = False  # the last one is cut short

    def add(self, packet: "Packet") -> int | None:
        """Counts one packet; its time on the clock."""
        self.read += 1
        self.data += packet.size > 0
        self.cut = packet.is_corrupt
        self.corrupt += self.cut
        return self.clock.add(packet)

    def check(self, expected: ExpectedLength) -> None:
        """Raises a DecodeError for a file that is shorter than its header says."""
        span, end = self.clock.measure_seconds(), self.clock.find_end_second()
        # A header may count from the container's zero, which can be long before the first picture.
        seconds = float("inf") if span is None or end is None else max(span, end)
        expected.check(self.read, self.corrupt, seconds, self.cut)

    def check_damage(self, limit: float) -> None:
        """Raises a DecodeError for more damaged packets than this share of all."""
        if self.damaged > limit * self.data:
            detail = f"damaged: {self.damaged} of {self.data} packets cannot be decoded"
            raise DecodeError("undecodable", detail)
