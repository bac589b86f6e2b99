"""Opening a video file, and saying what is wrong with one."""

import errno
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from engines.files.media import is_url, open_media
from engines.video.frames import DecodeError
from engines.video.movie_header import movie_seconds

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

MAX_PIXELS = 100_000_000  # a picture: 8k is 33 million, a header that lies says 268 million
IN_MEMORY = 64 << 20  # a remote file up to this size is fetched whole: one request, free seeking
# What is wrong with an address rather than with the way to it.
OWN_FAULTS = {errno.EINVAL, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG}
MACHINE_FAULTS = {errno.EMFILE, errno.ENFILE}
# Demuxers that open other files or that take any text for a picture.
REFUSED = {"hls", "concat", "dash", "sdp", "rtsp", "imf", "tty"}


def local_path(uri: str) -> str | None:
    """The path of a local file, None for one that lies elsewhere."""
    if uri.startswith("file://"):
        return uri.removeprefix("file://")
    return None if is_url(uri) else uri


@contextmanager
def faults(uri: str) -> Iterator[None]:
    """Turns what a bad file raises into a `DecodeError`; anything else passes."""
    from av.error import FFmpegError

    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DecodeError("missing", f"no such file: {uri}") from error
    except PermissionError as error:
        why = (error.strerror or "permission denied").lower()
        raise DecodeError("undecodable", f"{why}: {uri}") from error
    except MemoryError as error:
        raise DecodeError("undecodable", "needs more memory than a decoder may take") from error
    except FFmpegError as error:
        raise DecodeError("undecodable", f"{type(error).__name__}: {error.strerror}") from error
    except OSError as error:
        far = local_path(uri) is None
        if error.errno in MACHINE_FAULTS or (far and error.errno not in OWN_FAULTS):
            raise  # this machine or the network is at fault, not this file
        raise DecodeError("undecodable", _os_fault(error)) from error


def _os_fault(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "its symbolic links form a loop"
    return f"{type(error).__name__}: {error.strerror or error}"


@dataclass(frozen=True, slots=True)
class Opened:
    """An open container; `near` where its bytes are cheap to read twice and to seek in."""

    container: "InputContainer"
    near: bool
    movie_seconds: float | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading one video took and said: seconds waited, the video's own, frames a second."""

    read_s: float = 0.0
    duration: float | None = None
    fps: float | None = None


@contextmanager
def opened(uri: str) -> Iterator[Opened]:
    """The open container of a file that is not empty; faults of the file are `DecodeError`s."""
    import av
    import av.logging

    av.logging.set_libav_level(av.logging.PANIC)
    options = {"protocol_whitelist": "file"}  # a playlist named .mp4 must not fetch anything
    with (
        faults(uri),
        _source(uri) as (source, near, seconds),
        av.open(source, "r", options=options, metadata_errors="replace") as container,
    ):
        if REFUSED & set(container.format.name.split(",")):
            raise DecodeError("undecodable", f"not a video but {container.format.name}")
        yield Opened(container, near, seconds)


@contextmanager
def _source(uri: str) -> Iterator[tuple[str | BinaryIO, bool, float | None]]:
    """What libav is to open, whether it is near, and how long an mp4 says it is."""
    path = local_path(uri)
    if path is not None:
        check_bytes(regular(path).st_size)
        with open(path, "rb") as file:
            seconds = movie_seconds(file)
        # libav's own file reading does not take turns with Python for every block.
        yield f"file:{path}", True, seconds
        return
    with open_media(uri) as file:
        size = file.seek(0, os.SEEK_END)
        check_bytes(size)
        file.seek(0)
        near = size <= IN_MEMORY
        source = io.BytesIO(file.read()) if near else file
        yield source, near, movie_seconds(source)


def regular(path: str) -> os.stat_result:
    """The stat of a regular file; opening a pipe could wait for ever."""
    try:
        found = os.stat(path)
    except ValueError as error:
        raise DecodeError("missing", f"not a path: {error}") from error
    if stat.S_ISREG(found.st_mode):
        return found
    kind = "a folder" if stat.S_ISDIR(found.st_mode) else "a device or a pipe"
    raise DecodeError("undecodable", f"not a file but {kind}")


def check_bytes(size: int) -> None:
    """Refuses a file without bytes."""
    if not size:
        raise DecodeError("empty", "zero bytes")


def video_stream(container: "InputContainer") -> "VideoStream":
    """The best video stream, ready to decode; cover art is not one."""
    from av.stream import Discard

    stream = _best(container)
    context = stream.codec_context
    if context is None:
        raise DecodeError("undecodable", "no decoder for its codec here")
    check_size(context.width, context.height)
    context.thread_count = 1  # children run side by side, one a core
    for other in container.streams:
        if other.index != stream.index:
            other.discard = Discard.all
    return stream


def _best(container: "InputContainer") -> "VideoStream":
    from av.stream import Disposition

    moving = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not moving:
        raise DecodeError("undecodable", "no video stream")
    best = container.streams.best("video")
    same: Any = next((s for s in moving if best is not None and s.index == best.index), None)
    return same or max(moving, key=lambda s: s.width * s.height)


def check_size(width: int, height: int) -> None:
    """Refuses a picture that no video of this world has."""
    if width * height > MAX_PIXELS:
        limit = MAX_PIXELS // 1_000_000
        raise DecodeError("undecodable", f"{width}x{height}: more than {limit} megapixels a frame")
