"""Copies a part of a video as it is stored, from a keyframe on: nothing is encoded again."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.files.access import STRICT, UrlPolicy
from engines.video.container import open_video, select_video_stream
from engines.video.frames import DecodeError
from engines.video.guard.heartbeat import send_heartbeat

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

# The container of a copy by that of its source; MKV takes nearly every codec.
FORMATS = {"mov": "mp4", "mpegts": "mpegts"}
SUFFIXES = {"mp4": ".mp4", "mpegts": ".ts", "matroska": ".mkv"}
BACK_S = (0.0, 2.0, 10.0, math.inf)  # how much earlier to seek, in turn
SLACK_S = 1e-4  # times of a keyframe are rounded to the container's ticks


@dataclass(frozen=True, slots=True)
class CopiedSpan:
    """The file that was written, and the seconds of the source that it shows."""

    file: Path
    start: float
    end: float


def copy_span(
    uri: str, stem: Path, start: float, end: float, policy: UrlPolicy = STRICT
) -> CopiedSpan:
    """Writes the seconds from `start` to `end`, with the first audio track, at `stem` + a suffix.

    It begins at the last keyframe at or before `start`. A DecodeError where nothing is there.
    """
    import av

    with open_video(uri, policy) as opened:
        video = select_video_stream(opened.container)
        name = FORMATS.get(opened.container.format.name.split(",")[0], "matroska")
        streams: list[Any] = [video, *_choose_audio(opened.container)]
        file = Path(f"{stem}{SUFFIXES[name]}")
        with av.open(str(file), "w", format=name, options={"fflags": "+bitexact"}) as target:
            copies = {each.index: target.add_stream_from_template(each) for each in streams}
            first = last = None
            for packet, at, until in _read_span(opened.container, video, streams, start, end):
                if packet.stream.index == video.index:
                    first = at if first is None else first
                    last = max(last or until, until)
                ticks = round((first or 0.0) / packet.time_base)
                packet.dts = None if packet.dts is None else packet.dts - ticks
                packet.pts = None if packet.pts is None else packet.pts - ticks
                packet.stream = copies[packet.stream.index]
                target.mux(packet)
    if first is None or last is None:
        file.unlink(missing_ok=True)
        raise DecodeError("rejected", f"the video has nothing from {start:g} to {end:g} s")
    zero = _find_zero(video)
    return CopiedSpan(file, first - zero, last - zero)


def _choose_audio(container: "InputContainer") -> list[Any]:
    """The first audio track, read again although only pictures were to be."""
    from av.stream import Discard

    for stream in container.streams.audio[:1]:
        stream.discard = Discard.default
    return list(container.streams.audio[:1])


def _read_span(
    container: "InputContainer", video: "VideoStream", streams: list[Any], start: float, end: float
) -> Iterator[tuple["Packet", float, float]]:
    """The packets of the span with the container's seconds at which each begins and ends.

    From a keyframe on; sound that comes before the first picture is left out.
    """
    zero = _find_zero(video)
    key, back = _find_keyframe(container, video, zero + start)
    _seek(container, video, zero + start - back)
    begun = None
    for packet in container.demux(streams):
        send_heartbeat()
        if packet.dts is None or packet.time_base is None:
            continue
        at = float((packet.dts if packet.pts is None else packet.pts) * packet.time_base)
        is_picture = packet.stream.index == video.index
        if is_picture and float(packet.dts * packet.time_base) >= zero + end:
            return
        if begun is None and is_picture and packet.is_keyframe and at >= key:
            begun = at
        if begun is not None and at >= begun and (is_picture or at < zero + end):
            yield packet, at, at + float((packet.duration or 0) * packet.time_base)


def _find_keyframe(
    container: "InputContainer", video: "VideoStream", start: float
) -> tuple[float, float]:
    """The last keyframe at or before `start`, and how far ahead of it to seek for that.

    Containers without an index of all keyframes may be sought to a later one: then from further
    back. The first keyframe where all are later.
    """
    for back in BACK_S:
        _seek(container, video, start - back)
        last = None
        for packet in container.demux(video):
            send_heartbeat()
            if packet.dts is None or packet.time_base is None:
                continue
            if last is not None and packet.dts * packet.time_base > start:
                break
            if packet.is_keyframe:
                at = float((packet.dts if packet.pts is None else packet.pts) * packet.time_base)
                if last is None or at <= start + SLACK_S:
                    last = at
        if last is not None and (last <= start + SLACK_S or back == math.inf):
            return last, back
    return -math.inf, math.inf


def _seek(container: "InputContainer", video: "VideoStream", seconds: float) -> None:
    """Seeks to a keyframe at or before, as far as the container knows, and to the start else."""
    assert video.time_base is not None
    first = int(video.start_time or 0)
    ticks = first if seconds == -math.inf else max(first, int(seconds / video.time_base))
    container.seek(ticks, stream=video)


def _find_zero(video: "VideoStream") -> float:
    """When the first picture is shown, in the container's seconds."""
    return float((video.start_time or 0) * (video.time_base or 0))
