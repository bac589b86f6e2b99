"""When frames are shown: by their packets' timestamps as far as these hold, else by their order.

Containers state times wrongly in known ways. H.264 with B-frames in AVI has them in decoding order:
there the decoder's order of output is right, and so is the set of times. Joined streams begin
again: the second part follows the first. Some packets have no time: their frames are one frame's
duration after the one before. Whatever a file says, the times of its frames ascend.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.packet import Packet

Ticks = int | Fraction  # in units of the stream's time base

AHEAD_SECONDS = 10.0  # a leap by more is a join, as for ffmpeg's command line
KEY_BACK_SECONDS = 0.1  # less is jitter: what is decoded before a keyframe is shown before it
BACK_SECONDS, BACK_FRAMES = 1.0, 20  # B-frames are shown, and in some files timed, so much earlier


@dataclass(slots=True)
class PacketClock:
    """Presentation times of one stream's packets, added in decoding order.

    `frame_ticks` is how long a frame lasts at the stream's rate. `resets` where the container's
    clock may be set anew, as in transport streams: leaps ahead are then joins, not gaps.
    `first` and `end` are of all that is shown.
    """

    time_base: Fraction
    frame_ticks: Fraction
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
    _frame: int = field(init=False)
    _key_back: int = field(init=False)
    _back: int = field(init=False)
    _ahead: int = field(init=False)

    def __post_init__(self) -> None:
        # Whole ticks: they are compared for every packet.
        second = 1 / self.time_base
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
        if pts is not None and self._latest is not None and packet.is_keyframe:
            if pts < self._latest - self._key_back:
                return True
        if now is None:
            now, before = pts, self._latest
        if now is None or before is None:
            return False
        return now < before - self._back or (self.resets and now > before + self._ahead)


@dataclass(slots=True)
class FrameClock:
    """Times of frames in the order in which the decoder gives them.

    Packets are added before they are decoded, and each frame names the packet that it is of.
    """

    packets: PacketClock
    _times: dict[int, int] = field(default_factory=dict)
    _due: list[tuple[int, int]] = field(default_factory=list)  # a heap: time, packet
    _last: Ticks | None = None

    def add(self, position: int, time: int | None, shown: bool = True) -> None:
        """Adds a packet by its number and its time by the PacketClock."""
        if time is not None and shown:
            self._times[position] = time
            heappush(self._due, (time, position))

    def drop(self, position: int) -> None:
        """Takes note that no frame will come of a packet."""
        self._times.pop(position, None)

    def time_frame(self, position: int | None, delayed: bool) -> Ticks | None:
        """The time of the next frame, which ascends; None as long as nothing has a time.

        `delayed` where the decoder gives frames in another order than it takes packets.
        """
        time: Ticks | None = self._times.get(position) if position is not None else None
        # Packets in the order of their times, frames in another: the times are not the frames' own.
        if delayed and not self.packets.reordered:
            time = self._pop_earliest()
        else:
            self._forget(time)
        if self._last is not None:
            if time is None:
                time = self._last + self.packets.frame_ticks
            elif time <= self._last:
                time = self._last + self.packets.frame_ticks / 2
        self._last = time
        return time

    def _pop_earliest(self) -> int | None:
        while self._due:
            time, position = heappop(self._due)
            if self._times.pop(position, None) is not None:
                return time
        return None

    def _forget(self, time: Ticks | None) -> None:
        """Packets up to this time: no frame of them is still to come."""
        while self._due and time is not None and self._due[0][0] <= time:
            self._times.pop(heappop(self._due)[1], None)
