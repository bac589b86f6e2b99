"""A video's bytes wherever they lie: a path, any fsspec URL, or a member of a tar (archive.py)."""

import errno
import io
import os
import posixpath
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO, cast
from urllib.parse import parse_qs, urlsplit

import fsspec

from data.errors import UserError
from data.store import s3, storage
from engines.files import web
from engines.files.archive import Member, Range, copy_member, parse_member, unpacker

_URL = re.compile(r"tar::|[A-Za-z][A-Za-z0-9+.\-]*(://|::.+://)", re.DOTALL)
_STAMPS = ("ETag", "etag", "md5Hash", "LastModified", "last_modified", "mtime", "updated")
_NOWHERE = (errno.ENAMETOOLONG, errno.ENOTDIR, errno.ELOOP)


def is_url(loc: str) -> bool:
    """Whether `loc` names its own place (`s3://…`, `tar::…`) rather than a path."""
    return _URL.match(loc) is not None


def resolve(loc: str, base: str) -> str:
    """Where `loc` lies, given the folder or URL it was written in; absolute paths and URLs stay."""
    if is_url(loc) or os.path.isabs(loc):
        return loc
    if not is_url(base):
        return os.path.join(os.path.abspath(base), loc)
    scheme, _, path = base.partition("://")
    root, _, folder = path.split("?")[0].partition("/")
    # A URL has no links to follow, so `..` is settled here; it ends at the bucket or host.
    return f"{scheme}://{root}{posixpath.normpath(posixpath.join('/', folder, loc))}"


def open_media(uri: str) -> BinaryIO:
    """A seekable, read-only file of the uri's bytes.

    A missing file raises FileNotFoundError, any other fault of the input another OSError.
    """
    if uri.startswith("fake://"):
        return _fake(uri)
    if member := parse_member(uri):
        return _open_member(member)
    if is_url(uri):
        return _open_url(uri)
    _regular(uri)
    return open(uri, "rb")


def stat_media(uri: str) -> tuple[int, str]:
    """How many bytes the uri has, and a stamp that is another one once the file has changed.

    The size is 0 where a web server does not tell it.
    """
    if uri.startswith("fake://"):
        return len(_fake(uri).read()), "fake"
    if member := parse_member(uri):
        return member.size, f"{stat_media(member.tar)[1]}+{member.offset}"
    if not is_url(uri):
        found = _regular(uri)
        return found.st_size, str(found.st_mtime_ns)
    files, path = filesystem(uri)
    with reaching(uri):
        info = files.info(path)
    if info["type"] == "directory":
        raise IsADirectoryError(errno.EISDIR, "a folder, not a file", uri)
    stamp = next((str(info[key]) for key in _STAMPS if info.get(key)), "")
    return int(info.get("size") or 0), stamp.strip('"')


def warm(uri: str) -> None:
    """Makes the client that reads the uri: for S3 seconds of imports, which are no video's time."""
    member = parse_member(uri)
    url = member.tar if member else uri
    if is_url(url) and not url.startswith("fake://"):
        with suppress(OSError):  # of the address: whoever opens it says so
            connect = getattr(filesystem(url)[0], "connect", None)
            if callable(connect):
                connect()


def filesystem(url: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """What reads the url, and the path it knows it by."""
    try:
        return storage.filesystem(url, **web.options(url))
    except ValueError as error:
        raise OSError(errno.EINVAL, str(error), url) from error


@contextmanager
def reaching(url: str) -> Iterator[None]:
    """Tells a file's fault, an OSError, from a storage that cannot be reached, a UserError."""
    try:
        yield
    except FileNotFoundError as error:  # as fsspec tells whatever fault of a web server
        if web.turned_back(error):
            raise PermissionError(errno.EACCES, web.REFUSED, url) from error
        raise
    except (OSError, UserError):
        raise
    except Exception as error:
        raise UserError(f"cannot reach {url}: {type(error).__name__}: {error}") from error


def _open_member(member: Member) -> BinaryIO:
    unpack = unpacker(member.tar)
    if unpack is None:
        range_ = Range(open_media(member.tar), member.offset, member.size)
        return cast(BinaryIO, io.BufferedReader(range_))
    stamp = stat_media(member.tar)[1]
    return copy_member(member, stamp, lambda: unpack(open_media(member.tar)))


def _regular(path: str) -> os.stat_result:
    """The stat of a regular file; opening a pipe or a device could wait for ever."""
    try:
        found = os.stat(path)
    except ValueError as error:
        raise FileNotFoundError(errno.ENOENT, f"not a path: {error}", path) from error
    except OSError as error:
        if error.errno not in _NOWHERE:
            raise
        raise FileNotFoundError(errno.ENOENT, error.strerror, path) from error
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, "a folder, not a file", path)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", path)
    return found


def _open_url(url: str) -> BinaryIO:
    files, path = filesystem(url)
    if "file" in files.protocol:
        _regular(path)
    with reaching(url):
        return cast(BinaryIO, s3.opened(files, path))


def _fake(uri: str) -> BinaryIO:
    """Bytes that differ from one fake video to the next, so that each has a content of its own."""
    if "missing" in parse_qs(urlsplit(uri).query).get("fault", []):
        raise FileNotFoundError(errno.ENOENT, "missing on purpose", uri)
    return io.BytesIO(uri.encode())
