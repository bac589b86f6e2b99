"""The metadata of a file's best video stream, and the digest of the file's bytes."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from data.outcome import Outcome
from data.records import Probe, Video
from engines.base import Needs
from engines.files.access import STRICT, UrlPolicy
from engines.files.media import open_media, stat_media
from engines.files.time_span import TimeSpan, add_span, split_span
from engines.video.container import (
    OpenVideo,
    check_not_empty,
    local_path,
    open_video,
    raise_decode_errors,
    select_video_stream,
    stat_regular_file,
)
from engines.video.frames import DecodeError, Sampling
from engines.video.guard.guard import Guard
from engines.video.guard.heartbeat import send_heartbeat
from engines.video.packet_clock import build_clock
from engines.video.packets import DamagedPacket, PacketDecoder, read_packets
from engines.video.pixels import compute_display_size, read_orientation
from engines.video.shared_open import open_shared
from engines.video.span_decoder import SpanDecoder
from engines.video.truncation import PacketTotals, read_expected_length
from engines.worker import WorkerSetup

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

BLOCK_BYTES = 4 << 20
CLOCKWISE_DEGREES = {(True, False, True): 90, (False, True, True): 180, (True, True, False): 270}


def warm_up() -> None:
    """Imports what probing needs, so that no video's deadline pays for it."""
    import av  # noqa: F401


def probe_video(uri: str, policy: UrlPolicy = STRICT) -> Probe:
    """The probe of a file; a DecodeError where the file is at fault."""
    content, size = hash_file(uri, policy)
    if uri.startswith("fake://"):
        from engines.video.decoders.fake import probe_fake

        return probe_fake(uri, size, content)
    location, span = split_span(uri)
    if span is not None:
        return _probe_span(location, span, policy, size, content)
    with open_video(uri, policy) as file:
        stream = select_video_stream(file.container)
        frame, duration = _read_whole(file, stream)
        return _build_probe(frame, duration, stream, size, content)


def _probe_span(location: str, span: TimeSpan, policy: UrlPolicy, size: int, content: str) -> Probe:
    with open_shared(location, policy) as file:
        video = SpanDecoder(file, span)
        frame = next(f for _, _, f in video.decode_sampled(Sampling(every_nth=1, first=1)))
        return _build_probe(frame, video.duration, file.stream, size, content)


def hash_file(uri: str, policy: UrlPolicy = STRICT) -> tuple[str, int]:
    """`sha256:…` of the file's bytes, and how many there are; a span's has the span behind it."""
    location, span = split_span(uri)
    if span is None:
        return _hash_bytes(location, policy)
    with raise_decode_errors(location):
        key = (location, policy, *stat_media(location, policy))
    if key not in _digests:
        digest = _hash_bytes(location, policy)
        _digests.clear()
        _digests[key] = digest
    content, size = _digests[key]
    return add_span(content, span), size


# Of the file that spans were read of last: a film of a thousand shots is hashed once.
_digests: dict[tuple[object, ...], tuple[str, int]] = {}


def _hash_bytes(uri: str, policy: UrlPolicy) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with raise_decode_errors(uri):
        if (path := local_path(uri)) is not None:
            stat_regular_file(path)
        with open_media(uri, policy) as file:
            while block := file.read(BLOCK_BYTES):
                digest.update(block)
                size += len(block)
                send_heartbeat()  # hours of video over a slow network are not a hang
    check_not_empty(size)
    return f"sha256:{digest.hexdigest()}", size


def _read_whole(file: OpenVideo, stream: "VideoStream") -> tuple["VideoFrame", float | None]:
    """The first frame, and the duration of all that there are."""
    expected = read_expected_length(file, stream)
    totals = PacketTotals(build_clock(file.container, stream))
    frame = _decode_first_frame(file.container, stream, totals)
    totals.check(expected)
    if frame is None:
        totals.check_damage(0.0)
        raise DecodeError("empty", "its video stream has no frame")
    return frame, totals.clock.measure_seconds() or _read_duration(file.container, stream)


def _build_probe(
    frame: "VideoFrame", duration: float | None, stream: "VideoStream", size: int, content: str
) -> Probe:
    width, height = compute_display_size(frame.width, frame.height, stream.sample_aspect_ratio)
    orientation = read_orientation(frame)
    if orientation[0]:
        width, height = height, width
    rate = stream.average_rate or stream.guessed_rate
    return Probe(
        bytes=size,
        content=content,
        duration=duration,
        fps=float(rate) if rate else None,
        width=width,
        height=height,
        codec=stream.codec_context.codec.canonical_name,
        rotation=CLOCKWISE_DEGREES.get(orientation, 0),
    )


def _decode_first_frame(
    container: "InputContainer", stream: "VideoStream", totals: PacketTotals
) -> "VideoFrame | None":
    """The first frame that comes out; the other packets are counted, not decoded."""
    frame, decoder = None, PacketDecoder(stream)
    for number, packet in enumerate(read_packets(container, stream)):
        totals.add(packet)
        if frame is None and packet.size:
            try:
                frame = next(iter(decoder.decode(packet, number)), None)
            except DamagedPacket:
                totals.damaged += 1
    return frame or next(iter(decoder.flush()), None)


def _read_duration(container: "InputContainer", stream: "VideoStream") -> float | None:
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return container.duration / 1_000_000 if container.duration else None


class Prober:
    """Probes videos in decoder processes."""

    def __init__(self, setup: WorkerSetup | None = None) -> None:
        self.setup = setup = setup or WorkerSetup()
        patience = 3 * setup.decode_deadline_s + 60  # longer than the guard's: it tries twice
        memory_gb = setup.decoders * setup.decoder_memory_gb
        self.needs = Needs(cpus=setup.decoders, memory_gb=memory_gb, deadline_s=patience)

    def load(self) -> None:
        """Makes the guard; its processes start with the first batch."""
        self.guard = Guard.for_worker(self.setup)

    def run(self, batch: Sequence[Video]) -> Iterator[Outcome[Probe]]:
        """One outcome a video, in order."""
        return self.guard.probe((video.id, video.uri) for video in batch)

    def close(self) -> None:
        """Ends the decoder processes."""
        self.guard.close()
