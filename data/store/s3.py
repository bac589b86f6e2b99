"""S3 as the environment sets it up, and its faults in words that say what to do."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import IO, Any

from data.errors import UserError

KEYS = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN where they are"
    " temporary), or AWS_PROFILE"
)
REGION = "set AWS_REGION to the bucket's"
REACH = "see AWS_ENDPOINT_URL, and this machine's network and proxy; then run the same again"
CONNECT_S = 5.0
ANSWER_S = 15.0  # without a byte, once all is sent
STUCK_S = 30.0  # in which nothing of what is sent is taken
# By the name of botocore's exception or S3's code: what is wrong, and what mends it.
MENDS = {
    "NoCredentialsError": ("no credentials", KEYS),
    "PartialCredentialsError": ("half of the credentials", KEYS),
    "CredentialRetrievalError": ("no credentials", KEYS),
    "InvalidAccessKeyId": ("the access key is not known there", KEYS),
    "SignatureDoesNotMatch": ("the secret key is not that of the access key", KEYS),
    "InvalidToken": ("the session token is not valid", KEYS),
    "ExpiredToken": ("the session token has expired", f"fetch a new one, then {KEYS}"),
    "TokenRefreshRequired": ("the session token has expired", f"fetch a new one, then {KEYS}"),
    "RequestTimeTooSkewed": ("this machine's clock is wrong", "set it, as by NTP"),
    "AuthorizationHeaderMalformed": ("the bucket lies in another region", REGION),
    "IllegalLocationConstraintException": ("the bucket lies in another region", REGION),
    "PermanentRedirect": ("the bucket lies in another region", REGION),
    "301": ("the bucket lies in another region", REGION),
    "EndpointConnectionError": ("nobody answers", REACH),
    "ConnectTimeoutError": ("nobody answers", REACH),
    "FSTimeoutError": ("it stopped answering", REACH),
    "ProxyConnectionError": ("the proxy does not answer", REACH),
    "SSLError": ("it does not prove who it is", REACH),
}


def options() -> dict[str, Any]:
    """What fsspec's S3 is made with, credentials apart, which it takes from the environment.

    From now on faults there that no request gets over are UserErrors.

    Requests that S3 throttles, or fails to answer, are made again, ever more slowly: throttled
    ones for about a minute, others for a quarter of one. A request that is not taken, or not
    answered, is cut after a while, and made again likewise.
    """
    _speak_plainly()
    mode, most = os.environ.get("AWS_RETRY_MODE"), os.environ.get("AWS_MAX_ATTEMPTS")
    retries = {"mode": mode or "standard", "max_attempts": int(most or 6)}
    config = {
        "retries": retries,
        "connect_timeout": CONNECT_S,
        "read_timeout": ANSWER_S,
        "http_session_cls": _impatient(),
        "connector_args": {"socket_factory": _limited},
    }
    found: dict[str, Any] = {"config_kwargs": config}
    if region := os.environ.get("AWS_REGION"):  # of which botocore knows only AWS_DEFAULT_REGION
        found["client_kwargs"] = {"region_name": region}
    return found


@cache
def _impatient() -> type:
    """The client of HTTP that gives up on a server which takes requests and does not answer."""
    from aiobotocore.httpsession import AIOHTTPSession
    from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

    class Impatient(AIOHTTPSession):
        async def send(self, request: Any) -> Any:
            request.headers.pop("Expect", None)  # aiohttp would wait for ever to be told to go on
            try:
                return await super().send(request)
            except ReadTimeoutError as error:  # which s3fs would have tried again, five times over
                raise ConnectTimeoutError(endpoint_url=request.url, error=error) from error

    return Impatient


def _limited(address: tuple) -> socket.socket:
    """A socket that is cut where nothing sent is taken for too long; aiohttp has no such limit."""
    made = socket.socket(*address[:3])
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # on Linux
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(STUCK_S * 1000))
    return made


def _speak_plainly() -> None:
    from s3fs.core import set_custom_error_handler

    set_custom_error_handler(explained)


def explained(error: BaseException) -> bool:
    """Raises a UserError where somebody must mend something first; else False: no more tries."""
    said = getattr(error, "response", {}).get("Error", {})
    names = [str(said.get("Code")), *(kind.__name__ for kind in type(error).__mro__)]
    for name in names:
        if name in MENDS:
            fault, mend = MENDS[name]
            where = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
            region = f" ({said['Region']})" if "Region" in said else ""
            raise UserError(f"S3{f' at {where}' if where else ''}: {fault}{region}: {mend}")
    return False


def abort_uploads(fs: Any, folder: str) -> None:
    """Drops uploads below a folder that nobody completed: not to be seen, but they are paid for."""
    bucket, prefix, _ = fs.split_path(folder)
    asked = {"Bucket": bucket, "Prefix": f"{prefix}/"}
    for each in fs.call_s3("list_multipart_uploads", **asked).get("Uploads", ()):
        which = {"Bucket": bucket, "Key": each["Key"], "UploadId": each["UploadId"]}
        fs.call_s3("abort_multipart_upload", **which)


@contextmanager
def admitted(root: str) -> Iterator[None]:
    """Turns a refusal, or silence, of the store into a UserError; a HEAD is given no reason."""
    try:
        yield
    except PermissionError as error:
        raise UserError(
            f"cannot use {root}: access denied ({error}): mend the rights that these credentials"
            " have there, or take others"
        ) from error
    except OSError as error:  # of time, after so many tries
        if root.startswith("s3"):
            explained(error)
        raise


def opened(fs: Any, path: str) -> IO[bytes]:
    """A file to read. Where S3 has it, and stops answering, a UserError ends the read."""
    file = fs.open(path, "rb")
    if "s3" in fs.protocol:
        fetch = file.cache.fetcher

        def fetcher(start: int, end: int) -> bytes:
            try:
                return fetch(start, end)
            except (OSError, IndexError) as error:  # the latter as s3fs looks at the former
                explained(error)
                explained(error.__context__ or error)
                raise

        file.cache.fetcher = fetcher
    return file
