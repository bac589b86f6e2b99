"""Who may ask the page for something: this machine, or whoever has the password.

A browser sends what any web site tells it to: requests that another site caused are refused, and
so are those to a name that only leads here (DNS rebinding).
"""

import asyncio
import base64
import secrets
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
READING = ("GET", "HEAD")
WRONG_PASSWORD_S = 1.0  # that a guess takes
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:;"
    " media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
}  # fmt: skip


class Access:
    """Middleware that checks each request and adds the headers that bind browsers.

    `names` are the hosts that requests may name; with a password any may. `token` is what this
    machine's own commands send in its place.
    """

    def __init__(
        self, app: ASGIApp, names: Collection[str], password: str | None, token: str
    ) -> None:
        self.app, self.names, self.password, self.token = app, names, password, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":
            return None  # there are no web sockets here
        headers = Headers(scope=scope)
        if self.password is not None and not self._knows_password(headers):
            if "authorization" in headers:
                await asyncio.sleep(WRONG_PASSWORD_S)
            ask = {"WWW-Authenticate": 'Basic realm="reelflow", charset="UTF-8"'}
            answer = PlainTextResponse("a password is needed", 401, ask)
            return await answer(scope, receive, send)
        if rejection := self._find_rejection(scope, headers):
            return await PlainTextResponse(rejection, 403)(scope, receive, send)

        async def send_bound(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    answer[name] = value
                answer.setdefault("Content-Security-Policy", POLICY)
            await send(message)

        await self.app(scope, receive, send_bound)

    def _find_rejection(self, scope: Scope, headers: Headers) -> str | None:
        host = headers.get("host", "")
        if self.password is None and _read_host(host) not in self.names:
            return "this page is reached by another name: see `reelflow browse --host`"
        site = headers.get("sec-fetch-site", "none")
        is_visit = (
            scope["method"] == "GET" and headers.get("sec-fetch-mode") == "navigate"
            and headers.get("sec-fetch-dest", "document") == "document"  # in no frame of another's
        )  # fmt: skip
        if site not in ("none", "same-origin") and not is_visit:
            return "another web site asked for this"
        origin = headers.get("origin")
        if scope["method"] not in READING and origin and urlsplit(origin).netloc != host:
            return "another web site asked for this"
        return None

    def _knows_password(self, headers: Headers) -> bool:
        kind, _, value = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return _equals(value.strip(), self.token)
        if kind.lower() != "basic":
            return False
        try:
            _, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except ValueError:  # of base64, or of UTF-8
            return False
        return _equals(password, self.password or "")


def _equals(given: str, wanted: str) -> bool:
    """Whether two texts are equal, in a time that does not tell how far they are."""
    return bool(wanted) and secrets.compare_digest(given.encode(), wanted.encode())


def _read_host(host: str) -> str:
    """The name in a Host header, without port and brackets; "" for one that browsers never send."""
    if "@" in host or "/" in host:
        return ""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""
