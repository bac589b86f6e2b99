"""Faults of storages and networks, translated into errors of one file; passing ones tried again."""

import errno
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import TypeVar

from data.errors import UserError
from data.secrets import strip_secrets
from engines.files.web import BLOCKED_REDIRECT

PAUSES_S = (0.5, 2.0)  # before the second and the third attempt
MAX_PAUSE_S = 10.0  # of a server's own Retry-After
# The machine's own faults: they say nothing about the file, and pass as they are.
MACHINE_ERRNOS = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EDQUOT}
# A mount that is stale, gone or does not answer: they say nothing about the file either.
STORAGE_ERRNOS = {
    errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH,
    errno.ENODEV,
}  # fmt: skip
# Errors of an address itself, rather than of the network on the way to it.
ADDRESS_ERRNOS = {errno.EINVAL, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG}
GONE = {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
DENIED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED}
DENIED_TEXT = (
    "access denied; a signed link is only kept for its run: ingest and embed it in one, by"
    " `reelflow run NAME --source …`"
)
# By the name of an exception's class (aiohttp, ssl and socket are imported by few of those who
# read files): what is wrong, and whether trying again may help.
FAULTS: dict[str, tuple[str, bool]] = {
    "TooManyRedirects": ("redirects without an end", False),
    "InvalidUrlRedirectClientError": ("redirects to an invalid address", False),
    "ClientConnectorDNSError": ("its host's name cannot be resolved", True),
    "gaierror": ("its host's name cannot be resolved", True),
    "ClientConnectorCertificateError": ("TLS certificate verification failed", False),
    "SSLCertVerificationError": ("TLS certificate verification failed", False),
    "ClientConnectorSSLError": ("the TLS handshake failed", False),
    "SSLError": ("the TLS handshake failed", False),
    "ConnectionRefusedError": ("connection refused", True),
    "TimeoutError": ("no answer in time", True),
    "FSTimeoutError": ("no answer in time", True),
    "IncompleteReadError": ("the download was cut off", True),
    "IncompleteRead": ("the download was cut off", True),
    "ClientPayloadError": ("the download was cut off", True),
    "ServerDisconnectedError": ("the server closed the connection", True),
    "ConnectionResetError": ("the server closed the connection", True),
    "BrokenPipeError": ("the server closed the connection", True),
}
INVALID_ADDRESS = {"InvalidURL", "NonHttpUrlClientError"}

T = TypeVar("T")


class Unreachable(OSError):
    """A storage did not deliver a file; `passing` where another attempt may succeed."""

    def __init__(self, text: str, passing: bool = False, pause_s: float = 0.0) -> None:
        super().__init__(text)
        self.passing, self.pause_s = passing, pause_s


class BadAddress(OSError):
    """An address that nothing can be read from: malformed, or its library is not installed."""


def try_again(read: Callable[[], T], url: str) -> T:
    """The result of `read`, which is called up to three times where its fault may pass.

    A missing file raises FileNotFoundError, every other fault another OSError.
    """
    for pause in (*PAUSES_S, None):
        try:
            return read()
        except Exception as error:
            fault = translate_fault(error, url)
            if pause is None or not getattr(fault, "passing", False):
                raise fault from (error.__cause__ if fault is error else error)
            time.sleep(max(pause, fault.pause_s) if isinstance(fault, Unreachable) else pause)
    raise AssertionError("the last attempt returns or raises")


def translate_fault(error: BaseException, url: str) -> OSError:
    """The error of one file that an exception of a storage's library stands for."""
    known = (Unreachable, BadAddress, IsADirectoryError)
    if isinstance(error, known) or getattr(error, "errno", None) in MACHINE_ERRNOS:
        return error  # type: ignore[return-value]
    causes = list(_list_causes(error))
    if any(BLOCKED_REDIRECT in str(cause) for cause in causes):
        return PermissionError(errno.EACCES, BLOCKED_REDIRECT, strip_secrets(url))
    for cause in causes:
        if (fault := _match_cause(cause, url)) is not None:
            return fault
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return error
    if isinstance(error, OSError) and error.errno in ADDRESS_ERRNOS:
        return error
    if isinstance(error, PermissionError):
        return Unreachable(DENIED_TEXT)
    text = strip_secrets(str(error).strip())[:300]
    return Unreachable(f"{type(error).__name__}: {text}", passing=True)


def _list_causes(error: BaseException | None) -> Iterator[BaseException]:
    """The exception and what caused it, outermost first."""
    # fsspec and aiohttp wrap a cause in one of three ways, depending on the call.
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        yield error
        error = getattr(error, "os_error", None) or error.__cause__ or error.__context__


def _match_cause(cause: BaseException, url: str) -> OSError | None:
    if isinstance(cause, UserError):  # of an object store, and names what to set
        return Unreachable(strip_secrets(str(cause)))
    if isinstance(cause, Unreachable | BadAddress):
        return cause
    names = [kind.__name__ for kind in type(cause).__mro__]
    for name in names:
        if name in FAULTS:
            return Unreachable(*FAULTS[name])
    if INVALID_ADDRESS & set(names) or ("ValueError" in names and "OSError" not in names):
        return BadAddress("its address is not valid")
    if "BadZipFile" in names:
        return OSError(errno.EIO, f"damaged archive: {cause}")
    status = getattr(cause, "status", None) or getattr(
        getattr(cause, "response", None), "status_code", None
    )
    return _match_status(status, cause, url) if isinstance(status, int) else None


def _match_status(status: int, cause: BaseException, url: str) -> OSError | None:
    if status in GONE:
        return FileNotFoundError(errno.ENOENT, f"HTTP {status}", strip_secrets(url))
    if status in DENIED:
        return Unreachable(f"HTTP {status}: {DENIED_TEXT}")
    if status < HTTPStatus.BAD_REQUEST:
        return None
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
    passing = status >= 500 or status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT)
    return Unreachable(f"HTTP {status} {phrase}".strip(), passing, _read_retry_after(cause))


def _read_retry_after(cause: BaseException) -> float:
    """The seconds that a server asks to wait, within bounds; 0 where it does not."""
    try:
        wait_s = float((getattr(cause, "headers", None) or {}).get("Retry-After", 0))
    except ValueError:  # a date
        return 0.0
    return min(max(wait_s, 0.0), MAX_PAUSE_S)
