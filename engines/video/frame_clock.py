"""When frames are shown, in the order in which the decoder gives them."""

from bisect import bisect_right
from dataclasses import dataclass, field
from fractions import Fraction
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from engines.video.packet_clock import PacketClock

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

Ticks = int | Fraction  # in units of the stream's time base


@dataclass(slots=True)
class FrameClock:
    """Numbers frames in the order in which the decoder gives them, and states their times.

    Packets are added before they are decoded, and each frame has its packet's number as `pts`.
    """

    packets: PacketClock
    stream: "VideoStream"
    _index: int = 0
    _first: Ticks = 0
    _times: dict[int, int] = field(default_factory=dict)
    _due: list[tuple[int, int]] = field(default_factory=list)  # a heap: time, packet
    _keys: list[int] = field(default_factory=list)
    _last: Ticks | None = None

    @property
    def first(self) -> Ticks:
        """The time of the first frame, from which seconds count, on the packets' clock."""
        return self._first

    def add(self, position: int, time: int | None, packet: "Packet") -> None:
        """Adds a packet by its number and its time by the PacketClock."""
        if packet.is_keyframe:
            self._keys.append(position)
        shown = not packet.is_discard
        if time is not None and shown:
            self._times[position] = time
            heappush(self._due, (time, position))

    def drop(self, position: int) -> None:
        """Takes note that no frame will come of a packet."""
        self._times.pop(position, None)

    def time_frame(self, frame: "VideoFrame") -> tuple[int, float, "VideoFrame"]:
        """The next frame's index, its seconds since the first one, which ascend, and the frame."""
        index, before, ticks = self._index, self._last, self._time_packet(frame.pts)
        self._index += 1
        if ticks is None:  # nothing has had a time so far
            return index, index / float(self.packets.rate), frame
        if before is None:
            self._first = ticks - index * self.packets.frame_ticks if index else ticks
        return index, float(ticks - self._first) * float(self.packets.time_base), frame

    def _time_packet(self, position: int | None) -> Ticks | None:
        time: Ticks | None = None if position is None else self._times.get(position)
        # Packets in the order of their times, frames in another: the times are not the frames' own.
        if self.packets.placed and not self.packets.reordered and self._is_delayed():
            time = self._pop_earliest(position)
        else:
            self._forget(time)
        if self._last is not None:
            if time is None:
                time = self._last + self.packets.frame_ticks
            elif time <= self._last:
                time = self._last + self.packets.frame_ticks / 2
        self._last = time
        return time

    def _is_delayed(self) -> bool:
        return bool(self.stream.codec_context.has_b_frames)

    def _pop_earliest(self, shown: int | None) -> int | None:
        # What is decoded before a keyframe is shown before it: if it still waits, no frame came.
        past = bisect_right(self._keys, shown) - 1 if shown is not None else -1
        first = self._keys[past] if past >= 0 else 0
        while self._due:
            time, position = heappop(self._due)
            if self._times.pop(position, None) is not None and position >= first:
                return time
        return None

    def _forget(self, time: Ticks | None) -> None:
        """Packets up to this time: no frame of them is still to come."""
        while self._due and time is not None and self._due[0][0] <= time:
            self._times.pop(heappop(self._due)[1], None)
