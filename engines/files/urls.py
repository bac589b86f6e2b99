"""Locations: telling a URL from a path, joining one to a base, and splitting chained URLs."""

import os
import posixpath
import re
from urllib.parse import unquote

_URL = re.compile(r"tar::|cell::|[A-Za-z][A-Za-z0-9+.\-]*(://|::.+://)", re.DOTALL)
_CUT = re.compile(r"::(?![0-9A-Fa-f:.]*\])")  # a chain's separator, but not the `::` in `[::1]`
_FILE = re.compile(r"file:(?://(?:localhost)?)?(/.*)", re.DOTALL | re.IGNORECASE)
_WORD = re.compile("[a-z][a-z0-9_+]*")


def is_url(location: str) -> bool:
    """Whether a location is absolute by itself (`s3://…`, `tar::…`) rather than a path."""
    return _URL.match(location) is not None


def parse_file_url(location: str) -> str | None:
    """The path in a `file:` URL of this machine, however it is spelled; None for anything else."""
    match = _FILE.fullmatch(location)
    if not match:
        return None
    path = unquote(match[1])
    # Whoever wrote the name as it is, unquoted, meant the file of that name.
    return match[1] if os.path.lexists(match[1]) and not os.path.lexists(path) else path


def resolve_location(location: str, base: str) -> str:
    """The absolute form of a location written in the folder or URL `base`.

    Absolute paths and URLs stay as they are, but for `file:` URLs, which become paths.
    """
    if (path := parse_file_url(location)) is not None:
        return path
    if is_url(location) or os.path.isabs(location):
        return location
    if not is_url(base):
        return os.path.join(os.path.abspath(base), location)
    scheme, _, path = base.partition("://")
    root, _, folder = path.split("?")[0].partition("/")
    # A URL has no links to follow, so `..` is settled here; it ends at the bucket or host.
    return f"{scheme}://{root}{posixpath.normpath(posixpath.join('/', folder, location))}"


def find_host(location: str) -> str:
    """The scheme and host (or bucket) that a location is read from; "" for a local path."""
    location = location.removeprefix("tar::").removeprefix("cell::")
    links = split_chain(location) if is_url(location) else []
    return "/".join(links[-1].split("/")[:3]) if links else ""


def split_chain(url: str) -> list[str]:
    """The URLs in one that may be a chain, such as `zip://member::https://…`."""
    # fsspec takes a word by itself for a scheme: `zip::https://…` opens `zip://` first. Whoever
    # checks addresses must split them in the same way, or a scheme would pass unseen.
    links = [f"{link}://" if _WORD.fullmatch(link) else link for link in _CUT.split(url)]
    return [link for link in links if "://" in link]
