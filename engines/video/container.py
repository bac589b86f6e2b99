"""Opens a video file, and says what is wrong with one that cannot be read."""

import errno
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from data.outcome import Reason
from engines.files.access import STRICT, UrlPolicy
from engines.files.faults import MACHINE_ERRNOS, STORAGE_ERRNOS, BadAddress, Unreachable
from engines.files.media import open_media
from engines.files.time_span import strip_span
from engines.files.urls import is_url, parse_file_url
from engines.video.frames import DecodeError
from engines.video.joined import check_one_video
from engines.video.movie_header import read_movie_seconds
from engines.video.stated_size import has_all_bytes

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

MAX_PIXELS = 100_000_000  # a frame: 8k has 33 million, a forged header claims 268 million
FETCH_WHOLE_BYTES = 64 << 20  # a remote file up to this size: one request, then free seeking
# The demuxers that may open a file, by libav's names. Others are not even asked for a header: some
# open other files (playlists, image sequences, scripts), or take any text for a picture.
FORMATS = (
    "mov", "matroska", "avi", "mpegts", "mpeg", "mpegvideo", "flv", "live_flv", "ogg", "gif",
    "asf", "mxf", "gxf", "yuv4mpegpipe", "ivf", "nut", "rm", "wtv", "dv", "h264", "hevc", "m4v",
    "h263", "av1", "obu", "mjpeg", "apng", "webp", "webp_pipe",
)  # fmt: skip
OPTIONS = {
    "format_whitelist": ",".join(FORMATS),
    "protocol_whitelist": "file",  # a format that refers to addresses must not fetch any
    "enable_drefs": "0",  # QuickTime's references to other files
}
NO_VIDEO_FORMAT = "not in a video format that is read here, such as mp4, mkv, webm, avi or mpeg"


def local_path(uri: str) -> str | None:
    """The path of a local file, or of that of a span; None for a remote one."""
    uri = strip_span(uri)
    path = parse_file_url(uri)
    return path if path is not None else None if is_url(uri) else uri


@contextmanager
def raise_decode_errors(uri: str) -> Iterator[None]:
    """Turns what a bad file or its storage raises into DecodeError; the machine's faults pass."""
    from av.error import FFmpegError

    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DecodeError("missing", f"no such file: {uri}") from error
    except Unreachable as error:
        raise DecodeError("unreachable", str(error)) from error
    except BadAddress as error:
        raise DecodeError("rejected", str(error)) from error
    except PermissionError as error:
        detail = (error.strerror or "permission denied").lower()
        raise DecodeError("undecodable", f"{detail}: {uri}") from error
    except MemoryError as error:
        raise DecodeError("undecodable", "needs more memory than a decoder may use") from error
    except FFmpegError as error:
        raise DecodeError("undecodable", f"{type(error).__name__}: {error.strerror}") from error
    except OSError as error:
        if error.errno in MACHINE_ERRNOS:
            raise
        reason: Reason = "unreachable" if error.errno in STORAGE_ERRNOS else "undecodable"
        raise DecodeError(reason, _describe_os_error(error)) from error


def _describe_os_error(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "its symbolic links form a loop"
    return f"{type(error).__name__}: {error.strerror or error}"


@dataclass(frozen=True, slots=True)
class OpenVideo:
    """An open container; `near` where its bytes are cheap to read twice and to seek in.

    `movie_seconds` is what an mp4 states; `whole` whether all bytes are there that it should have.
    """

    container: "InputContainer"
    near: bool
    movie_seconds: float | None
    whole: bool | None


@contextmanager
def open_video(uri: str, policy: UrlPolicy = STRICT) -> Iterator[OpenVideo]:
    """The open container of a file that is not empty; faults of the file are DecodeErrors."""
    import av.logging

    av.logging.set_libav_level(av.logging.PANIC)
    with (
        raise_decode_errors(uri),
        _open_source(uri, policy) as (source, near, head),
        _open_container(source) as container,
    ):
        yield OpenVideo(container, near, *head)


def _open_container(source: str | BinaryIO) -> "InputContainer":
    import av
    from av.error import ArgumentError

    try:
        return av.open(source, "r", options=OPTIONS, metadata_errors="replace")
    except ArgumentError as error:  # what libav raises for a format that is not on the list
        raise DecodeError("undecodable", NO_VIDEO_FORMAT) from error


Head = tuple[float | None, bool | None]  # an mp4's stated seconds; whether all bytes are there


def _read_head(file: BinaryIO, near: bool) -> Head:
    if near:
        check_one_video(file)
    return read_movie_seconds(file), has_all_bytes(file)


@contextmanager
def _open_source(uri: str, policy: UrlPolicy) -> Iterator[tuple[str | BinaryIO, bool, Head]]:
    """The name or file for libav to open, whether it is near, and what its head says."""
    path = local_path(uri)
    if path is not None:
        check_not_empty(stat_regular_file(path).st_size)
        with open(path, "rb") as file:
            head = _read_head(file, near=True)
        # A name, not a file object: libav then reads by itself, without Python for every block.
        yield f"file:{path}", True, head
        return
    with open_media(uri, policy) as file:
        size = file.seek(0, os.SEEK_END)
        check_not_empty(size)
        file.seek(0)
        near = size <= FETCH_WHOLE_BYTES
        source = io.BytesIO(file.read()) if near else file
        yield source, near, _read_head(source, near)


def stat_regular_file(path: str) -> os.stat_result:
    """The stat of a regular file; opening a pipe could wait for ever."""
    try:
        status = os.stat(path)
    except ValueError as error:
        raise DecodeError("missing", f"not a path: {error}") from error
    if stat.S_ISREG(status.st_mode):
        return status
    kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a device or a pipe"
    raise DecodeError("undecodable", f"not a file but {kind}")


def check_not_empty(size: int) -> None:
    """Raises a DecodeError for a file of zero bytes."""
    if not size:
        raise DecodeError("empty", "zero bytes")


def select_video_stream(container: "InputContainer") -> "VideoStream":
    """The best video stream, ready to decode; cover art is not one."""
    from av.stream import Discard

    stream = _find_best_stream(container)
    context = stream.codec_context
    if context is None:
        raise DecodeError("undecodable", "no decoder for its codec here")
    check_frame_size(context.width, context.height)
    context.thread_count = 1  # decoder processes run side by side, one a core
    for other in container.streams:
        if other.index != stream.index:
            other.discard = Discard.all
    return stream


def _find_best_stream(container: "InputContainer") -> "VideoStream":
    from av.stream import Disposition

    moving = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not moving:
        raise DecodeError("undecodable", "no video stream")
    best = container.streams.best("video")  # may be cover art
    match: Any = next((s for s in moving if best is not None and s.index == best.index), None)
    return match or max(moving, key=lambda s: s.width * s.height)


def check_frame_size(width: int, height: int) -> None:
    """Raises a DecodeError for a frame larger than any real video has."""
    if width * height > MAX_PIXELS:
        limit = MAX_PIXELS // 1_000_000
        raise DecodeError("undecodable", f"{width}x{height}: more than {limit} megapixels a frame")
