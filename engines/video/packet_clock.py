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
    `stated` is False where the times are made up. `first` and `end` are of all that is shown.
    """

    time_base: Fraction
    rate: Fraction
    resets: bool = False
    stated: bool = True
    joins: int = 0
    timed: bool = True  # every packet has a presentation time of its own
    placed: bool = True  # every packet has a time
    reordered: bool = False  # some packet is shown before one that is decoded earlier
    first: int | None = None
    end: int = 0
    shown: int = 0
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
        pts, dts = (packet.pts, packet.dts) if self.stated else (None, None)
        if pts is not None and dts is not None and dts > pts:
            dts = None  # left over from before a join
        if self._is_join(pts, dts, packet.is_keyframe):
            self.joins += 1
            self._offset = self._find_end() - (pts if pts is not None else dts or 0)
            self._latest, self._dts, self.reordered = None, None, False
        self.shown += not packet.is_discard
        if dts is not None:
            self._dts = dts
        if pts is None:
            self.timed = False
            self.placed = self.placed and dts is not None
            return None if dts is None else self._extend(dts + self._lag, packet)
        if self._latest is None:
            self._latest, self._lag = pts, pts - dts if dts is not None else 0
        elif pts < self._latest:
            self.reordered = True
        else:
            self._latest = pts
        return self._extend(pts, packet)

    def measure_seconds(self) -> float | None:
        """From the first picture to the end of the last; None where no packet is shown."""
        if self.first is None:
            return float(self.shown / self.rate) if self.shown else None
        return float((self._find_end() - self.first) * self.time_base)

    def find_end_second(self) -> float | None:
        """Where the last picture ends on the container's own clock; None without timestamps."""
        return None if self.first is None else float(self._find_end() * self.time_base)

    def _find_end(self) -> int:
        # By counting, where the last packets may have no time.
        counted = (self.first or 0) + round(self.shown * self.frame_ticks)
        return self.end if self.placed else max(self.end, counted)

    def _extend(self, stated: int, packet: "Packet") -> int:
        time = stated + self._offset
        if not packet.is_discard:
            stop = time + (packet.duration or self._frame)
            if self.first is None:
                self.first, self.end = time, stop
            self.first, self.end = min(self.first, time), max(self.end, stop)
        return time

    def _is_join(self, pts: int | None, dts: int | None, is_key: bool) -> bool:
        latest, now, before, back = self._latest, dts, self._dts, self._back
        if is_key and pts is not None and latest is not None:
            now, before, back = pts, latest, self._key_back
        elif dts is None:
            now, before = pts, latest
        if now is None or before is None:
            return False
        return now < before - back or (self.resets and now > before + self._ahead)


def build_clock(container: "InputContainer", stream: "VideoStream") -> PacketClock:
    """A clock for the stream's packets."""
    from av.format import Flags

    base = stream.time_base or Fraction(1, 1000)
    rate = stream.average_rate or Fraction(FALLBACK_FPS)
    flags, codec = Flags(container.format.flags), stream.codec_context.codec.canonical_name
    # libav counts a file's raw MPEG-1 frames wrongly. They last equally long: so count them.
    stated = not (Flags.no_timestamps in flags and codec == "mpeg1video")
    return PacketClock(base, rate, Flags.ts_discont in flags, stated)
