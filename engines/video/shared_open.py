"""Keeps the file that was decoded last open: the next span of it need not open it again."""

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from engines.files.access import STRICT, UrlPolicy
from engines.files.media import stat_media
from engines.video.container import (
    OpenVideo,
    open_video,
    raise_decode_errors,
    select_video_stream,
)
from engines.video.packet_clock import build_clock
from engines.video.packet_plan import NeedsSequential, PacketPlan, scan_packets
from engines.video.truncation import PacketTotals

if TYPE_CHECKING:
    from av.video.stream import VideoStream

# Containers with an index of their packets' times: a seek lands where it should, at any length.
INDEXED_FORMATS = {"mov", "matroska"}
HEAD_SECONDS = 1.0  # of packets that show whether the file's times can be believed


@dataclass
class SharedFile:
    """An open file, and what its packets say, read once however many spans are decoded."""

    file: OpenVideo
    stream: "VideoStream" = field(init=False)

    def __post_init__(self) -> None:
        self.stream = select_video_stream(self.file.container)

    @cached_property
    def head(self) -> PacketPlan:
        """The first packets; NeedsSequential where one of them is damaged."""
        return self._scan(HEAD_SECONDS)

    @cached_property
    def whole(self) -> PacketPlan:
        """All packets; NeedsSequential where one of them is damaged."""
        return self._scan(float("inf"))

    @cached_property
    def is_indexed(self) -> bool:
        """Whether packets in the middle can be found, and mean what they mean from the start."""
        names = set(self.file.container.format.name.split(","))
        try:
            return bool(names & INDEXED_FORMATS) and self.head.regular
        except NeedsSequential:
            return False

    def count(self) -> PacketTotals:
        """Totals for another reading of the packets."""
        return PacketTotals(build_clock(self.file.container, self.stream))

    def _scan(self, until: float) -> PacketPlan:
        self.rewind()
        return scan_packets(self.file.container, self.stream, self.count(), until)

    def rewind(self) -> None:
        """Goes back to the first packet."""
        start = self.stream.start_time
        self.seek(min(0, start or 0))

    def seek(self, ticks: int) -> None:
        """Goes to a keyframe at this time or before it, with a decoder that decodes everything."""
        self.file.container.seek(ticks, stream=self.stream)
        self.stream.codec_context.flush_buffers()
        self.stream.codec_context.skip_frame = "DEFAULT"


_Key = tuple[int, str, int, str]
_idle: dict[_Key, tuple[ExitStack, SharedFile]] = {}
_lock = threading.Lock()


@contextmanager
def open_shared(location: str, policy: UrlPolicy = STRICT) -> Iterator[SharedFile]:
    """A file, open from before if it was the last one; faults of the file are DecodeErrors."""
    with raise_decode_errors(location):
        # A forked child must not share its parent's position in the file.
        key = (os.getpid(), location, *stat_media(location, policy))
        stack, file = _take_idle(key) or _open(location, policy)
        sound = False
        try:
            yield file
            sound = True
        except GeneratorExit:  # whoever decodes has seen enough
            sound = True
            raise
        finally:
            if sound:
                _keep_idle(key, stack, file)
            else:
                stack.close()


def _open(location: str, policy: UrlPolicy) -> tuple[ExitStack, SharedFile]:
    with ExitStack() as stack:
        file = SharedFile(stack.enter_context(open_video(location, policy)))
        return stack.pop_all(), file


def _take_idle(key: _Key) -> tuple[ExitStack, SharedFile] | None:
    with _lock:
        return _idle.pop(key, None)


def _keep_idle(key: _Key, stack: ExitStack, file: SharedFile) -> None:
    with _lock:
        before = list(_idle.items())
        _idle.clear()
        _idle[key] = stack, file
    for (pid, *_), (old, _) in before:
        if pid == os.getpid():
            old.close()
