"""One call of a chat server after another: bounded, and tried again where that can help."""

import json
import re
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from data.errors import UserError
from data.outcome import Done, Failed, Outcome, Reason
from engines.answer.chat.address import find_address
from engines.answer.chat.completions import (
    BadReply,
    build_request,
    find_named,
    find_unknown,
    parse_reply,
    read_error,
)
from engines.answer.chat.waits import choose_wait, read_wait
from engines.files.web import is_private_host
from engines.video_model import Prompt, Reply
from engines.worker import ModelSetup

if TYPE_CHECKING:
    import httpx

MOST_BYTES = 8 << 20  # of a reply
CONNECT_S = 10.0
LATER = (408, 409, 425, 429)  # and 5xx: the same request may go through another time
TOO_LONG = re.compile(
    r"context.{0,20}(length|size|window)|(prompt|input|request).{0,30}too (long|large)|"
    r"exceed.{0,40}(tokens|context)|too many (tokens|images)",
    re.IGNORECASE,
)


class _Retry(Exception):
    """A fault that another try may not meet, after a wait that the server may name."""

    def __init__(self, reason: Reason, detail: str, wait_s: float | None = None) -> None:
        super().__init__(detail)
        self.reason, self.wait_s = reason, wait_s


class ChatClient:
    """Sends prompts to one server. Threads may share it."""

    def __init__(self, setup: ModelSetup, model: str) -> None:
        import httpx

        self._setup, self._model = setup, model
        self._address = find_address(setup)
        self._key = setup.api_key or ""
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        # A server in the same network is not reached through a proxy.
        is_near = is_private_host(urlsplit(self._address).hostname or "")
        self._http = httpx.Client(
            headers=headers, trust_env=not is_near, follow_redirects=False,
            timeout=httpx.Timeout(setup.request_deadline_s, connect=CONNECT_S),
            limits=httpx.Limits(max_connections=setup.concurrent_requests),
        )  # fmt: skip
        self._unknown: set[str] = set()  # parts of requests that this server rejects

    def check_server(self) -> None:
        """Raises a UserError where nobody answers, the key is wrong, or the model is not served."""
        try:
            status, data, _ = self._send("GET", "/models", None)
        except _Retry as fault:
            raise UserError(
                f"no server answers at {self._address} ({fault}): start it, or name another one"
                " with REELFLOW_SERVER"
            ) from fault
        self._check_status(status, data)
        try:
            names = [str(each["id"]) for each in json.loads(data)["data"]]
        except (ValueError, LookupError, TypeError, RecursionError):
            return  # not every server lists its models
        if status == 200 and names and self._model not in names:
            shown = ", ".join(names[:8])
            raise UserError(f"{self._address} has no model {self._model!r}: it has {shown}")

    def ask(self, prompt: Prompt, left: threading.Event) -> Outcome[Reply]:
        """The reply to one prompt; a UserError where no prompt would get one.

        Once `left` is set, nothing is tried again.
        """
        fault = _Retry("unreachable", "not tried")
        for attempt in range(self._setup.attempts):
            if attempt and left.wait(choose_wait(attempt, fault.wait_s)):
                break
            try:
                return self._try_once(prompt)
            except _Retry as error:
                fault = error
        return Failed(prompt.id, fault.reason, self._hide_key(str(fault)))

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def _try_once(self, prompt: Prompt) -> Outcome[Reply]:
        unknown = set(self._unknown)
        while True:
            body = build_request(self._model, prompt, unknown)
            started = time.perf_counter()
            status, data, headers = self._send("POST", "/chat/completions", body)
            if status == 200:
                # Remembered only now that the server took the request without them.
                self._unknown |= unknown
                try:
                    seconds = time.perf_counter() - started
                    return Done(prompt.id, parse_reply(data, prompt.options, seconds))
                except BadReply as error:
                    raise _Retry("undecodable", str(error)) from error
            message = self._hide_key(read_error(data))
            # Some servers fail at what they do not know, rather than reject it.
            if status == 500 and (part := find_named(body, message)):
                unknown.add(part)
                continue
            if status in LATER or status >= 500:
                reason: Reason = "timeout" if status in (408, 504) else "unreachable"
                raise _Retry(reason, f"{status}: {message}", read_wait(headers))
            if status == 413 or TOO_LONG.search(message):
                return Failed(prompt.id, "too_long", f"{status}: {message}")
            self._check_status(status, data)
            part = find_unknown(body, message)
            if part is None:
                return Failed(prompt.id, "rejected", f"{status}: {message}")
            unknown.add(part)

    def _check_status(self, status: int, data: bytes) -> None:
        message = self._hide_key(read_error(data))
        if status in (401, 403):
            raise UserError(
                f"{self._address} rejects the key ({status}: {message}): set REELFLOW_API_KEY"
            )
        if 300 <= status < 400:
            raise UserError(f"{self._address} redirects ({status}): name the address it leads to")

    def _send(
        self, method: str, path: str, body: dict[str, Any] | None
    ) -> tuple[int, bytes, Mapping[str, str]]:
        """Status, body and headers of a reply; a _Retry where there is none in time."""
        import httpx

        deadline = time.monotonic() + self._setup.request_deadline_s
        try:
            with self._http.stream(method, self._address + path, json=body) as reply:
                return reply.status_code, _read_bounded(reply, deadline), reply.headers
        except httpx.TimeoutException as error:
            detail = f"no reply within {self._setup.request_deadline_s:g} s"
            raise _Retry("timeout", detail) from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise _Retry("unreachable", f"{type(error).__name__}: {error}") from error

    def _hide_key(self, text: str) -> str:
        return text.replace(self._key, "***") if self._key else text


def _read_bounded(reply: "httpx.Response", deadline: float) -> bytes:
    """The body of a reply; a _Retry where it is too large, or comes by drops."""
    data = bytearray()
    for chunk in reply.iter_bytes():
        data += chunk
        if len(data) > MOST_BYTES:
            raise _Retry("undecodable", f"the server's reply is larger than {MOST_BYTES >> 20} MB")
        # A read has its own limit, which a server that sends a byte now and then never reaches.
        if time.monotonic() > deadline:
            raise _Retry("timeout", "the server's reply did not end in time")
    return bytes(data)
