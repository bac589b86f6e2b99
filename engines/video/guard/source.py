"""Checks that a file is the one that ingest read, before and after it is decoded."""

from collections.abc import Generator
from dataclasses import asdict, dataclass

from data.records import Video
from engines.files.access import UrlPolicy
from engines.files.media import stat_media
from engines.video.container import raise_decode_errors
from engines.video.frames import DecodeError, Frames, ReadStats
from engines.video.guard.protocol import Header

Parts = Generator[Frames, None, ReadStats | None]


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file as ingest found it: its identity, its size and its stamp."""

    content: str
    bytes: int
    stamp: str


def describe_source(video: Video) -> Header | None:
    """The video's file in a request; None where nobody recorded its size and stamp."""
    if video.bytes is None or video.stamp is None:
        return None
    return asdict(SourceFile(video.content, video.bytes, video.stamp))


def verify_source(parts: Parts, uri: str, source: Header | None, policy: UrlPolicy) -> Parts:
    """The parts, as long as they are of the file that ingest read; else a DecodeError, "missing".

    Vectors of another file would be kept under this one's content for ever.
    """
    if source is None:
        return (yield from parts)
    before = check_source(uri, SourceFile(**source), policy)
    reading = yield from parts
    check_source(uri, before, policy)  # replaced meanwhile: some frames may be of either file
    return reading


def check_source(uri: str, source: SourceFile, policy: UrlPolicy) -> SourceFile:
    """The file as it is now, which has the same content; a DecodeError where it has another.

    Read only where size or stamp differ: a file that was touched or copied back is the same.
    """
    from engines.video.probe import hash_file

    with raise_decode_errors(uri):
        now = SourceFile(source.content, *stat_media(uri, policy))
    if now == source:
        return now
    if source.content.startswith("sha256:") and hash_file(uri, policy)[0] == source.content:
        return now
    raise DecodeError("missing", "its file has changed since it was ingested: ingest it again")
