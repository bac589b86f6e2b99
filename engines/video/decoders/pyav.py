"""Decodes any container and codec that PyAV opens, skipping unwanted frames where that is safe."""

from collections.abc import Generator
from importlib import metadata

from engines.files.access import STRICT, UrlPolicy
from engines.files.time_span import TimeSpan, split_span
from engines.video.batches import batch_frames
from engines.video.frames import Frames, ReadStats, Resize, Sampling
from engines.video.pixels import to_rgb
from engines.video.shared_open import open_shared
from engines.video.span_decoder import SpanDecoder
from engines.video.video_file import VideoFile, read_rate


def library_version() -> str:
    """The decoding library's version: another one may read what this one rejects."""
    return f"av {metadata.version('av')}"


def warm_up(resize: Resize | None) -> None:
    """Imports what decoding needs, so that no video's deadline pays for it."""
    import av  # noqa: F401

    if resize is not None:
        import torch

        torch.set_num_threads(1)  # there is a decoder process for every core


def decode_frames(
    uri: str,
    sampling: Sampling,
    resize: Resize | None,
    chunk: int = 32,
    policy: UrlPolicy = STRICT,
) -> Generator[Frames, None, ReadStats]:
    """The sampled frames of one video; returns how long reading took, and the video's length."""
    location, span = split_span(uri)
    if span is not None:
        return (yield from _decode_span(location, span, sampling, resize, chunk, policy))
    video = VideoFile(uri, policy)
    frames = video.decode_sampled(sampling)
    pictures = ((i, t, to_rgb(frame, video.aspect)) for i, t, frame in frames)
    yield from batch_frames(pictures, resize, chunk)
    return ReadStats(video.read_s, video.duration, video.fps, video.damaged)


def _decode_span(
    location: str, span: TimeSpan, sampling: Sampling, resize: Resize | None, chunk: int,
    policy: UrlPolicy,
) -> Generator[Frames, None, ReadStats]:  # fmt: skip
    with open_shared(location, policy) as file:
        video, aspect = SpanDecoder(file, span), file.stream.sample_aspect_ratio
        frames = video.decode_sampled(sampling)
        pictures = ((i, t, to_rgb(frame, aspect)) for i, t, frame in frames)
        yield from batch_frames(pictures, resize, chunk)
        return ReadStats(video.read_s, video.duration, read_rate(file.stream), video.damaged)
