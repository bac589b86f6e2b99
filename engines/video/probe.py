"""What a container says of its best video stream, and the identity of the file's bytes."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from data.outcome import Outcome
from data.records import Probe, Video
from engines.base import Needs
from engines.files.media import open_media
from engines.video.container import (
    Opened,
    check_bytes,
    faults,
    local_path,
    opened,
    regular,
    video_stream,
)
from engines.video.frames import DecodeError
from engines.video.guard.guard import Guard
from engines.video.guard.heartbeat import beat
from engines.video.packets import decoded, packets
from engines.video.pixels import displayed_size, orientation
from engines.video.truncation import Tally, promise

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

BLOCK = 4 << 20
CLOCKWISE = {(True, False, True): 90, (False, True, True): 180, (True, True, False): 270}


def warm() -> None:
    """Imports what probing needs, so that no video waits for it."""
    import av  # noqa: F401


def probe(uri: str) -> Probe:
    """The probe of a file; `DecodeError` for one at fault."""
    content, size = digest(uri)
    if uri.startswith("fake://"):
        from engines.video.decoders.fake import probed

        return probed(uri, size, content)
    with opened(uri) as file:
        return _described(file, video_stream(file.container), size, content)


def digest(uri: str) -> tuple[str, int]:
    """`sha256:…` of the file's bytes, and how many there are."""
    found, size = hashlib.sha256(), 0
    with faults(uri):
        if (path := local_path(uri)) is not None:
            regular(path)
        with open_media(uri) as file:
            while block := file.read(BLOCK):
                found.update(block)
                size += len(block)
                beat()
    check_bytes(size)
    return f"sha256:{found.hexdigest()}", size


def _described(file: Opened, stream: "VideoStream", size: int, content: str) -> Probe:
    promised, tally = promise(file, stream), Tally()
    frame = _first_frame(file.container, stream, tally)
    tally.check(promised, stream)
    if frame is None:
        raise DecodeError("empty", "its video stream has no frame")
    width, height = displayed_size(frame.width, frame.height, stream.sample_aspect_ratio)
    turn = orientation(frame)
    if turn[0]:
        width, height = height, width
    rate = stream.average_rate or stream.guessed_rate
    return Probe(
        bytes=size,
        content=content,
        duration=_duration(file.container, stream),
        fps=float(rate) if rate else None,
        width=width,
        height=height,
        codec=stream.codec_context.codec.canonical_name,
        rotation=CLOCKWISE.get(turn, 0),
    )


def _first_frame(
    container: "InputContainer", stream: "VideoStream", tally: Tally
) -> "VideoFrame | None":
    """The first frame that comes out; all packets are counted, the others are not decoded."""
    frame = None
    for packet in packets(container, stream):
        if packet.size:
            tally.add(packet)
        if frame is None:
            frame = next(iter(decoded(packet)), None)
    return frame


def _duration(container: "InputContainer", stream: "VideoStream") -> float | None:
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return container.duration / 1_000_000 if container.duration else None


class Prober:
    """Probes videos in child processes."""

    def __init__(self, workers: int = 1, deadline_s: float = 60.0, memory_gb: float = 4.0) -> None:
        self.workers, self.deadline_s, self.memory_gb = workers, deadline_s, memory_gb
        patience = 3 * deadline_s + 60  # the guard's own: it tries a video twice
        self.needs = Needs(cpus=workers, memory_gb=workers * memory_gb, deadline_s=patience)

    def load(self) -> None:
        """Makes the guard; its children start with the first batch."""
        self.guard = Guard(self.workers, self.deadline_s, self.memory_gb)

    def run(self, batch: Sequence[Video]) -> Iterator[Outcome[Probe]]:
        """One outcome a video, in order."""
        return self.guard.probe((video.id, video.uri) for video in batch)

    def close(self) -> None:
        """Ends the children."""
        self.guard.close()
