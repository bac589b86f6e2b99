"""Which addresses the rows of a source may name: a table from elsewhere sends nobody inside."""

from functools import cache
from urllib.parse import urlsplit

from data.store.storage import SECRET
from engines.files.archive import parse_member
from engines.files.media import is_url
from engines.files.web import WEB, is_private, parts


class Reach:
    """Schemes that rows may use, and whether their hosts may be private.

    The host that the source itself was read from is always allowed: somebody chose it.
    """

    def __init__(self, schemes: tuple[str, ...], private: bool, source: str = "") -> None:
        self.schemes, self.private = frozenset(schemes), private
        self.trusted = {urlsplit(part).hostname for part in _parts(source)} - {None}
        self._inside = cache(is_private)

    def refusal(self, uri: str) -> str | None:
        """Why a row's uri is not to be opened; None where it may be."""
        if SECRET.search(uri):
            return "its address has a password: put it into the environment"
        member = parse_member(uri)
        for part in _parts(member.tar if member else uri):
            scheme = part.partition("://")[0].lower()
            if scheme not in self.schemes:
                return f"{scheme}:// is not allowed: see REELFLOW_URL_SCHEMES"
            if scheme in WEB and (why := self._host(part)):
                return why
        return None

    def _host(self, url: str) -> str | None:
        try:
            host = urlsplit(url).hostname
        except ValueError:
            return "its address cannot be read"
        if not host or self.private or host in self.trusted or not self._inside(host):
            return None
        return f"{host} is a private address: REELFLOW_PRIVATE_ADDRESSES=true allows those"


def unsecret(uri: str) -> str:
    """The uri without the names and passwords that its addresses have."""
    return SECRET.sub(lambda found: f"{found[0].partition('://')[0]}://", uri)


def _parts(uri: str) -> list[str]:
    """The URLs in a uri; none for a path."""
    return parts(uri) if is_url(uri) else []
