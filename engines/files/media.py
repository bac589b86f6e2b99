"""Opens a file wherever it is: a path, any fsspec URL, or a member of a tar (archive.py)."""

import errno
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO, cast
from urllib.parse import parse_qs, urlsplit

import fsspec

from data.errors import UserError
from data.store import s3, storage
from engines.files import web
from engines.files.access import STRICT, UrlPolicy
from engines.files.archive import ByteRange, Member, copy_member, find_unpacker, parse_member
from engines.files.urls import is_url

_STAMPS = ("ETag", "etag", "md5Hash", "LastModified", "last_modified", "mtime", "updated")
_NO_SUCH_PATH = (errno.ENAMETOOLONG, errno.ENOTDIR, errno.ELOOP)


def open_media(uri: str, policy: UrlPolicy = STRICT) -> BinaryIO:
    """A seekable, read-only file of the URI's bytes.

    A missing file raises FileNotFoundError, any other fault of the input another OSError; a
    storage that cannot be reached raises UserError.
    """
    if uri.startswith("fake://"):
        return _open_fake(uri)
    if member := parse_member(uri):
        return _open_member(member, policy)
    if is_url(uri):
        return _open_url(uri, policy)
    _stat_regular(uri)
    return open(uri, "rb")


def stat_media(uri: str, policy: UrlPolicy = STRICT) -> tuple[int, str]:
    """The file's size in bytes, and a stamp that changes whenever the file does.

    The size is 0 where a web server does not state it. Errors as of `open_media`.
    """
    if uri.startswith("fake://"):
        return len(_open_fake(uri).read()), "fake"
    if member := parse_member(uri):
        return member.size, f"{stat_media(member.tar, policy)[1]}+{member.offset}"
    if not is_url(uri):
        status = _stat_regular(uri)
        return status.st_size, str(status.st_mtime_ns)
    files, path = open_filesystem(uri, policy)
    with convert_storage_errors(uri):
        info = files.info(path)
    if info["type"] == "directory":
        raise IsADirectoryError(errno.EISDIR, "a folder, not a file", uri)
    stamp = next((str(info[key]) for key in _STAMPS if info.get(key)), "")
    return int(info.get("size") or 0), stamp.strip('"')


def warm_up(uri: str, policy: UrlPolicy = STRICT) -> None:
    """Connects the client that reads the URI, without opening the file."""
    # For S3 that is seconds of imports, which must not count against a video's deadline.
    member = parse_member(uri)
    url = member.tar if member else uri
    if is_url(url) and not url.startswith("fake://"):
        with suppress(OSError):  # a fault of the address: reported when the file is opened
            connect = getattr(open_filesystem(url, policy)[0], "connect", None)
            if callable(connect):
                connect()


def open_filesystem(url: str, policy: UrlPolicy = STRICT) -> tuple[fsspec.AbstractFileSystem, str]:
    """The fsspec file system that reads the URL, and the file's path in it."""
    try:
        return storage.open_filesystem(url, **web.client_options(url, policy.private))
    except ValueError as error:
        raise OSError(errno.EINVAL, str(error), url) from error


@contextmanager
def convert_storage_errors(url: str) -> Iterator[None]:
    """Lets a file's own fault pass as OSError; an unreachable storage becomes UserError."""
    try:
        yield
    except FileNotFoundError as error:  # fsspec raises this for every fault of a web server
        if web.is_blocked_redirect(error):
            raise PermissionError(errno.EACCES, web.BLOCKED_REDIRECT, url) from error
        raise
    except (OSError, UserError):
        raise
    except Exception as error:
        raise UserError(f"cannot reach {url}: {type(error).__name__}: {error}") from error


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
    with convert_storage_errors(url):
        return cast(BinaryIO, s3.open_file(files, path))


def _open_fake(uri: str) -> BinaryIO:
    """Bytes that differ from one fake video to the next, so that each has a digest of its own."""
    if "missing" in parse_qs(urlsplit(uri).query).get("fault", []):
        raise FileNotFoundError(errno.ENOENT, "missing on purpose", uri)
    return io.BytesIO(uri.encode())
