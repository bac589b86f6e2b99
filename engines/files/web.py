"""Web servers: a public host must not redirect a reader to a private address."""

import errno
import ipaddress
import socket
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from engines.files.urls import split_chain

if TYPE_CHECKING:
    import aiohttp

WEB_SCHEMES = ("http", "https")
BLOCKED_REDIRECT = "a public host redirects to a private address"
CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 15.0  # without a byte of the answer
ANSWER_TIMEOUT_S = 300.0  # of one whole answer: a server may send a byte now and then, for ever
STAT_TIMEOUT_S = 30.0  # of an answer's head


def client_options(url: str, private_addresses: bool) -> dict[str, Any]:
    """The options fsspec opens a URL with, by scheme.

    Public hosts may redirect to public addresses only, unless `private_addresses` are allowed.
    A host that is private itself was checked before (`access.UrlPolicy`), so it is not restricted.
    """
    options = {}
    for link in split_chain(url):
        scheme = link.partition("://")[0].lower()
        if scheme in WEB_SCHEMES:
            free = private_addresses or is_private_host(_find_host(link))
            options[scheme] = {"get_client": _open_client if free else _open_public_client}
    return options


@lru_cache(1 << 14)  # a table of 100,000 rows names few hosts, but names each of them often
def is_private_host(host: str) -> bool:
    """Whether any address of the host is not public; False for a host that does not resolve."""
    try:
        addresses = {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        return False
    return not all(map(is_public_address, addresses))


def is_public_address(address: str) -> bool:
    """Whether a numeric address is globally reachable."""
    return ipaddress.ip_address(address.split("%")[0]).is_global


def _find_host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


async def _open_client(**options: Any) -> "aiohttp.ClientSession":
    import aiohttp

    timeout = aiohttp.ClientTimeout(
        total=ANSWER_TIMEOUT_S, sock_connect=CONNECT_TIMEOUT_S, sock_read=READ_TIMEOUT_S
    )
    return aiohttp.ClientSession(timeout=timeout, **options)


async def _open_public_client(**options: Any) -> "aiohttp.ClientSession":
    import aiohttp

    connector = aiohttp.TCPConnector(socket_factory=_open_public_socket)
    return await _open_client(connector=connector, **options)


def _open_public_socket(address: tuple) -> socket.socket:
    """A socket for a public address; a PermissionError for any other."""
    # Called for each connection, so after each redirect too, and with the address that is really
    # connected to: a name that resolves differently the second time gains nothing.
    if not is_public_address(str(address[4][0])):
        raise PermissionError(errno.EACCES, BLOCKED_REDIRECT)
    return socket.socket(*address[:3])
