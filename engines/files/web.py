"""Web servers: one in public may send nobody to a private address."""

import errno
import ipaddress
import re
import socket
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from data.settings import Settings

if TYPE_CHECKING:
    import aiohttp

WEB = ("http", "https")
REFUSED = "a public host leads to a private address"
_CUT = re.compile(r"::(?![0-9A-Fa-f:.]*\])")  # but within `[::1]`
_WORD = re.compile("[a-z][a-z0-9_+]*")


def parts(url: str) -> list[str]:
    """The URLs in one that may be a chain, as `zip://member::https://…` or `zip::https://…`.

    Cut as fsspec does it, to which a word by itself is a scheme.
    """
    each = [f"{part}://" if _WORD.fullmatch(part) else part for part in _CUT.split(url)]
    return [part for part in each if "://" in part]


def options(url: str) -> dict[str, Any]:
    """What fsspec opens a URL with: from public hosts redirects lead to public addresses alone.

    A host that is private itself was allowed; REELFLOW_PRIVATE_ADDRESSES allows them all.
    """
    found = {}
    for part in parts(url):
        scheme = part.partition("://")[0].lower()
        if scheme in WEB and not is_private(_host(part)) and not Settings().private_addresses:
            found[scheme] = {"get_client": _public_client}
    return found


@lru_cache(1024)
def is_private(host: str) -> bool:
    """Whether any address of the host is not a public one; a host without any is no danger."""
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        return False
    return not all(map(is_public, found))


def is_public(address: str) -> bool:
    """Whether everybody reaches the numeric address, from wherever they are."""
    return ipaddress.ip_address(address.split("%")[0]).is_global


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def turned_back(error: BaseException | None) -> bool:
    """Whether a fault, as fsspec tells it, comes of a redirect that was refused."""
    while error is not None:
        if REFUSED in str(error):
            return True
        error = getattr(error, "os_error", None) or error.__cause__ or error.__context__
    return False


async def _public_client(**how: Any) -> "aiohttp.ClientSession":
    import aiohttp

    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(socket_factory=_public), **how)


def _public(address: tuple) -> socket.socket:
    """A socket for the address; asked for each connection, and so after each redirect."""
    if not is_public(str(address[4][0])):
        raise PermissionError(errno.EACCES, REFUSED)
    return socket.socket(*address[:3])
