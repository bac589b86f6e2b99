"""Which addresses may be opened: a table from elsewhere must not reach into a private network."""

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from data.secrets import has_password
from engines.files.cells import find_outer
from engines.files.urls import is_url, split_chain
from engines.files.web import WEB_SCHEMES, is_private_host


@dataclass(frozen=True, slots=True)
class UrlPolicy:
    """URL schemes that rows may use, and whether hosts may be in private networks.

    The host that `source` itself was read from is always allowed: the user named it. Plain data, so
    that flows can build it from the settings and pass it on to workers and decoder processes.
    """

    schemes: tuple[str, ...] = ()
    private: bool = False
    source: str = ""

    def find_rejection(self, uri: str) -> str | None:
        """Why a row's URI must not be opened; None where it may be."""
        if has_password(uri):
            return "its address has a password: put it into the environment"
        for url in _split_urls(find_outer(uri)):
            scheme = url.partition("://")[0].lower()
            if scheme not in self.schemes:
                return f"{scheme}:// is not allowed: see REELFLOW_URL_SCHEMES"
            if scheme in WEB_SCHEMES and (rejection := self._reject_host(url)):
                return rejection
        return None

    def _reject_host(self, url: str) -> str | None:
        try:
            host, _ = urlsplit(url).hostname, urlsplit(url).port
        except ValueError:
            host = None
        if not host:
            return "its address is not valid"
        if self.private or host in _list_hosts(self.source):
            return None
        if not is_private_host(host):
            return None
        return f"{host} is a private address: set REELFLOW_PRIVATE_ADDRESSES=true to allow those"


STRICT = UrlPolicy()  # of readers that were told nothing: no redirects to private addresses


@lru_cache(16)  # one source is asked about once a row
def _list_hosts(source: str) -> frozenset[str]:
    hosts = (urlsplit(url).hostname for url in _split_urls(source))
    return frozenset(host for host in hosts if host)


def _split_urls(uri: str) -> list[str]:
    """The URLs in a URI; none for a path."""
    return split_chain(uri) if is_url(uri) else []
