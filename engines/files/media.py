"""Opens a file wherever it is: a path, an fsspec URL, in a tar (archive.py), a table (cells.py)."""

import errno
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, cast
from urllib.parse import parse_qs, urlsplit

import fsspec

from data.errors import UserError
from data.secrets import strip_secrets
from data.store import filesystems, s3
from engines.files import web
from engines.files.access import STRICT, UrlPolicy
from engines.files.archive import ByteRange, Member, copy_member, find_unpacker, parse_member
from engines.files.cells import find_outer, parse_cell, read_cell
from engines.files.faults import (
    STORAGE_ERRNOS,
    BadAddress,
    Unreachable,
    translate_fault,
    try_again,
)
from engines.files.remote import FsspecReader, open_remote
from engines.files.time_span import strip_span
from engines.files.urls import is_url, parse_file_url
from engines.files.web_reader import WebReader

_STAMPS = ("ETag", "etag", "md5Hash", "LastModified", "last_modified", "mtime", "updated")
MAX_BYTES = 1 << 60  # of a file; tables hold sizes in 64 bits
_NO_SUCH_PATH = (errno.ENAMETOOLONG, errno.ENOTDIR, errno.ELOOP)


def open_media(uri: str, policy: UrlPolicy = STRICT) -> BinaryIO:
    """A seekable, read-only file of the URI's bytes: of a span, those of its whole file.

    A missing file raises FileNotFoundError, a storage that does not deliver it Unreachable, any
    other fault of the input another OSError; so do its reads.
    """
    uri = strip_span(uri)
    if uri.startswith("fake://"):
        return _open_fake(uri)
    if member := parse_member(uri):
        return _open_member(member, policy)
    if cell := parse_cell(uri):
        stamp = stat_media(cell.table, policy)[1]
        return read_cell(cell, stamp, open_media(cell.table, policy))
    if (path := parse_file_url(uri)) is not None:
        uri = path
    if is_url(uri):
        return _open_url(uri, policy)
    _stat_regular(uri)
    return open(uri, "rb")


def stat_media(uri: str, policy: UrlPolicy = STRICT) -> tuple[int, str]:
    """The file's size in bytes, and a stamp that changes whenever the file does.

    The size is 0 where a web server does not state it. Errors as of `open_media`.
    """
    uri = strip_span(uri)
    if uri.startswith("fake://"):
        return len(_open_fake(uri).read()), "fake"
    if member := parse_member(uri):
        return member.size, f"{stat_media(member.tar, policy)[1]}+{member.offset}"
    if cell := parse_cell(uri):
        return cell.size, f"{stat_media(cell.table, policy)[1]}+{cell.row}"
    if (path := parse_file_url(uri)) is not None:
        uri = path
    if not is_url(uri):
        status = _stat_regular(uri)
        return status.st_size, str(status.st_mtime_ns)
    info = read_info(uri, policy)
    if info["type"] == "directory":
        raise IsADirectoryError(errno.EISDIR, "a folder, not a file", strip_secrets(uri))
    stamp = next((str(info[key]) for key in _STAMPS if info.get(key)), "")
    return int(info.get("size") or 0), stamp.strip('"')


def warm_up(uri: str, policy: UrlPolicy = STRICT) -> None:
    """Connects the client that reads the URI, without opening the file."""
    # For S3 that is seconds of imports, which must not count against a video's deadline.
    url = find_outer(uri)
    if is_url(url) and not url.startswith("fake://"):
        with suppress(Exception):  # a fault of the address: reported when the file is opened
            connect = getattr(open_filesystem(url, policy)[0], "connect", None)
            if callable(connect):
                connect()


def open_filesystem(url: str, policy: UrlPolicy = STRICT) -> tuple[fsspec.AbstractFileSystem, str]:
    """The fsspec file system that reads the URL, and the file's path in it.

    A BadAddress where there is none for it; others connect at once, and raise as `open_media` does.
    """
    try:
        return filesystems.open_filesystem(url, **web.client_options(url, policy.private))
    except (ValueError, UserError) as error:
        raise BadAddress(strip_secrets(str(error))) from error
    except Exception as error:
        raise translate_fault(error, url) from error


@contextmanager
def convert_storage_errors(url: str) -> Iterator[None]:
    """Turns whatever a storage's library raises into the OSError of one file or folder."""
    try:
        yield
    except Exception as error:
        raise translate_fault(error, url) from error


def read_info(url: str, policy: UrlPolicy = STRICT) -> dict[str, Any]:
    """What the storage says of a file: its type, size, stamps and times."""
    return _read_info(*open_filesystem(url, policy), url)


def _read_info(files: fsspec.AbstractFileSystem, path: str, url: str) -> dict[str, Any]:
    limit = {"timeout": web.STAT_TIMEOUT_S} if _is_web(files) else {}
    info: dict[str, Any] = try_again(lambda: files.info(path, **limit), url)
    if int(info.get("size") or 0) > MAX_BYTES:
        raise Unreachable(f"its server states an impossible length: {info['size']}")
    return info


def _is_web(files: fsspec.AbstractFileSystem) -> bool:
    return "http" in files.protocol


def _open_member(member: Member, policy: UrlPolicy) -> BinaryIO:
    unpack = find_unpacker(member.tar)
    if unpack is None:
        member_bytes = ByteRange(open_media(member.tar, policy), member.offset, member.size)
        return cast(BinaryIO, io.BufferedReader(member_bytes))
    stamp = stat_media(member.tar, policy)[1]
    return copy_member(member, stamp, lambda: unpack(open_media(member.tar, policy)))


def _stat_regular(path: str) -> os.stat_result:
    """The stat of a regular file; an OSError for anything else."""
    # Checked before opening: `open` on a pipe or a device could wait for ever.
    try:
        status = os.stat(path)
    except ValueError as error:
        raise FileNotFoundError(errno.ENOENT, f"not a path: {error}", path) from error
    except OSError as error:
        if error.errno in STORAGE_ERRNOS | {errno.EIO}:  # of a stat: no damage within a file
            raise Unreachable(f"its disk does not answer: {error.strerror}") from error
        if error.errno not in _NO_SUCH_PATH:
            raise
        raise FileNotFoundError(errno.ENOENT, error.strerror, path) from error
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "a folder, not a file", path)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", path)
    return status


def _open_url(url: str, policy: UrlPolicy) -> BinaryIO:
    files, path = open_filesystem(url, policy)
    if "file" in files.protocol:
        _stat_regular(path)
        return open(path, "rb")
    if _is_web(files):
        # 0 as well as None: some servers state no length, or none for a HEAD request.
        size = _read_info(files, path, url).get("size") or None
        return open_remote(WebReader(files, path, size), url)
    file = try_again(lambda: s3.open_file(files, path), url)
    return open_remote(FsspecReader(file), url)


def _open_fake(uri: str) -> BinaryIO:
    """Bytes that differ from one fake video to the next, so that each has a digest of its own."""
    if "missing" in parse_qs(urlsplit(uri).query).get("fault", []):
        raise FileNotFoundError(errno.ENOENT, "missing on purpose", uri)
    return io.BytesIO(uri.encode())
