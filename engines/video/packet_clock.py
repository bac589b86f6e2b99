"""When frames are shown: by their packets' timestamps as far as these hold, else by their order.

Containers state times wrongly in known ways. H.264 with B-frames in AVI has them in decoding order:
there the decoder's order of output is right, and so is the set of times. Joined streams begin
again: the second part follows the first. Some packets have no time: their frames are one frame's
duration after the one before. Whatever a file says, the times of its frames ascend.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

FALLBACK_FPS = 25
AHEAD_SECONDS = 10.0  # a leap by more is a join, as for ffmpeg's command line
KEY_BACK_SECONDS = 0.1  # less is jitter: what is decoded before a keyframe is shown before it
BACK_SECONDS, BACK_FRAMES = 1.0, 20  # B-frames are shown, and in some files timed, so much earlier


@dataclass(slots=True)
class PacketClock:
    """Presentation times of one stream's packets, added in decoding order.

    `rate` is the stream's, in frames a second. `resets` where the container's
    clock may be set anew, as in transport streams: leaps ahead are then joins, not gaps.
    `first` and `end` are of all that is shown.
    """

    time_base: Fraction
    rate: Fraction
    resets: bool = False
    joins: int = 0
    timed: bool = True  # every packet has a presentation time of its own
    reordered: bool = False  # some packet is shown before one that is decoded earlier
    first: int | None = None
    end: int = 0
    _offset: int = 0
    _lag: int = 0
    _dts: int | None = None
    _latest: int | None = None
    frame_ticks: Fraction = field(init=False)
    _frame: int = field(init=False)
    _key_back: int = field(init=False)
    _back: int = field(init=False)
    _ahead: int = field(init=False)

    def __post_init__(self) -> None:
        # Whole ticks: they are compared for every packet.
        second = 1 / self.time_base
        self.frame_ticks = second / self.rate
        self._frame = max(1, round(self.frame_ticks))
        self._key_back = round(KEY_BACK_SECONDS * second)
        self._back = max(round(BACK_SECONDS * second), BACK_FRAMES * self._frame)
        self._ahead = round(AHEAD_SECONDS * second)

    def add(self, packet: "Packet") -> int | None:
        """The packet's presentation time on a clock that is never set back; None if unknown."""
        pts, dts = packet.pts, packet.dts
        if pts is None:
            self.timed = False
        if self._is_join(packet):
            self.joins += 1
            self._offset = self.end - (pts if pts is not None else dts or 0)
            self._latest, self.reordered = None, False
        if dts is not None:
            self._dts = dts
        if pts is None:
            return None if dts is None else self._extend(dts + self._lag, packet)
        if self._latest is None:
            self._latest, self._lag = pts, pts - dts if dts is not None else 0
        elif pts < self._latest:
            self.reordered = True
        else:
            self._latest = pts
        return self._extend(pts, packet)

    def measure_seconds(self) -> float | None:
        """From the first picture to the end of the last; None without timestamps."""
        return None if self.first is None else float((self.end - self.first) * self.time_base)

    def _extend(self, stated: int, packet: "Packet") -> int:
        time = stated + self._offset
        if not packet.is_discard:
            stop = time + (packet.duration or self._frame)
            if self.first is None:
                self.first, self.end = time, stop
            self.first, self.end = min(self.first, time), max(self.end, stop)
        return time

    def _is_join(self, packet: "Packet") -> bool:
        pts, now, before = packet.pts, packet.dts, self._dts
        latest = self._latest
        if packet.is_keyframe and pts is not None and latest is not None:
            return pts < latest - self._key_back or (self.resets and pts > latest + self._ahead)
        if now is None:
            now, before = pts, latest
        if now is None or before is None:
            return False
        return now < before - self._back or (self.resets and now > before + self._ahead)


def build_clock(container: "InputContainer", stream: "VideoStream") -> PacketClock:
    """A clock for the stream's packets."""
    from av.format import Flags

    base = stream.time_base or Fraction(1, 1000)
    rate = stream.average_rate or Fraction(FALLBACK_FPS)
    resets = bool(container.format.flags & Flags.ts_discont.value)
    return PacketClock(base, rate, resets)
