"""S3 clients as the environment sets them up, and their faults as errors that say what to do."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import IO, Any

from data.errors import UserError

SET_KEYS = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN for temporary"
    " credentials), or AWS_PROFILE"
)
SET_REGION = "set AWS_REGION to the bucket's"
CHECK_NETWORK = "check AWS_ENDPOINT_URL and this machine's network and proxy, then run it again"
NO_ANSWER = "connection refused or timed out"
OTHER_REGION = "the bucket is in another region"
CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 15.0  # without a byte of the answer, once the request is sent
SEND_TIMEOUT_S = 30.0  # without the server taking any of what is sent
# By the name of botocore's exception or S3's error code: what is wrong, and how to fix it.
EXPLANATIONS = {
    "NoCredentialsError": ("no credentials", SET_KEYS),
    "PartialCredentialsError": ("incomplete credentials", SET_KEYS),
    "CredentialRetrievalError": ("no credentials", SET_KEYS),
    "InvalidAccessKeyId": ("unknown access key", SET_KEYS),
    "SignatureDoesNotMatch": ("the secret key does not belong to the access key", SET_KEYS),
    "InvalidToken": ("invalid session token", SET_KEYS),
    "ExpiredToken": ("expired session token", f"get a new one, then {SET_KEYS}"),
    "TokenRefreshRequired": ("expired session token", f"get a new one, then {SET_KEYS}"),
    "RequestTimeTooSkewed": ("this machine's clock is wrong", "set it, for example by NTP"),
    "AuthorizationHeaderMalformed": (OTHER_REGION, SET_REGION),
    "IllegalLocationConstraintException": (OTHER_REGION, SET_REGION),
    "PermanentRedirect": (OTHER_REGION, SET_REGION),
    "301": (OTHER_REGION, SET_REGION),
    "EndpointConnectionError": (NO_ANSWER, CHECK_NETWORK),
    "ConnectTimeoutError": (NO_ANSWER, CHECK_NETWORK),
    "FSTimeoutError": ("the connection timed out during an answer", CHECK_NETWORK),
    "ProxyConnectionError": ("cannot connect to the proxy", CHECK_NETWORK),
    "SSLError": ("TLS certificate verification failed", CHECK_NETWORK),
}


def build_options() -> dict[str, Any]:
    """Options for fsspec's S3 file system; it takes the credentials from the environment itself.

    From this call on, faults that no retry overcomes are raised as UserErrors.

    Requests that S3 throttles, or fails to answer, are retried ever more slowly: throttled ones
    for about a minute, others for a quarter of one. A request that the server does not accept, or
    does not answer, is cut off after a while and retried likewise.
    """
    _install_error_handler()
    mode, attempts = os.environ.get("AWS_RETRY_MODE"), os.environ.get("AWS_MAX_ATTEMPTS")
    retries = {"mode": mode or "standard", "max_attempts": int(attempts or 6)}
    config = {
        "retries": retries,
        "connect_timeout": CONNECT_TIMEOUT_S,
        "read_timeout": READ_TIMEOUT_S,
        "http_session_cls": _session_class(),
        "connector_args": {"socket_factory": _create_socket},
    }
    options: dict[str, Any] = {"config_kwargs": config}
    if region := os.environ.get("AWS_REGION"):  # botocore reads only AWS_DEFAULT_REGION
        options["client_kwargs"] = {"region_name": region}
    return options


@cache
def _session_class() -> type:
    """An HTTP client that gives up on a server which accepts requests but does not answer."""
    from aiobotocore.httpsession import AIOHTTPSession
    from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

    class ImpatientSession(AIOHTTPSession):
        async def send(self, request: Any) -> Any:
            # With this header aiohttp waits for "100 Continue" before the body, without a limit.
            request.headers.pop("Expect", None)
            try:
                return await super().send(request)
            except ReadTimeoutError as error:
                # s3fs retries a read time-out five more times, on top of botocore's own retries.
                raise ConnectTimeoutError(endpoint_url=request.url, error=error) from error

    return ImpatientSession


def _create_socket(address: tuple) -> socket.socket:
    """A socket that is cut off if nothing sent is taken for too long: aiohttp has no such limit."""
    connection = socket.socket(*address[:3])
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # on Linux
        timeout_ms = int(SEND_TIMEOUT_S * 1000)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, timeout_ms)
    return connection


def _install_error_handler() -> None:
    from s3fs.core import set_custom_error_handler

    set_custom_error_handler(raise_explained)


def raise_explained(error: BaseException) -> bool:
    """Raises a UserError for a fault that a person has to fix; else returns False: no more retries.

    The result is what s3fs asks of an error handler: whether to try once more.
    """
    details = getattr(error, "response", {}).get("Error", {})
    names = [str(details.get("Code")), *(kind.__name__ for kind in type(error).__mro__)]
    for name in names:
        if name in EXPLANATIONS:
            fault, fix = EXPLANATIONS[name]
            url = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
            region = f" ({details['Region']})" if "Region" in details else ""
            raise UserError(f"S3{f' at {url}' if url else ''}: {fault}{region}: {fix}")
    return False


def abort_uploads(fs: Any, folder: str) -> None:
    """Drops the unfinished uploads below a folder: nobody sees them, but they cost money."""
    bucket, prefix, _ = fs.split_path(folder)
    query = {"Bucket": bucket, "Prefix": f"{prefix}/"}
    for upload in fs.call_s3("list_multipart_uploads", **query).get("Uploads", ()):
        target = {"Bucket": bucket, "Key": upload["Key"], "UploadId": upload["UploadId"]}
        fs.call_s3("abort_multipart_upload", **target)


@contextmanager
def translate_errors(root: str) -> Iterator[None]:
    """Turns a refusal by the store, or a time-out, into a UserError.

    The answer to a HEAD request has no body, and so no reason: access denied is all that is known.
    """
    try:
        yield
    except PermissionError as error:
        raise UserError(
            f"cannot use {root}: access denied ({error}): grant these credentials access to it,"
            " or use others"
        ) from error
    except OSError as error:  # time-outs, after all retries
        if root.startswith("s3"):
            raise_explained(error)
        raise


def open_file(fs: Any, path: str) -> IO[bytes]:
    """A file to read; on S3, a read that the server stops answering raises a UserError."""
    file = fs.open(path, "rb")
    if "s3" in fs.protocol:
        fetch = file.cache.fetcher

        def fetch_range(start: int, end: int) -> bytes:
            try:
                return fetch(start, end)
            except (OSError, IndexError) as error:  # IndexError: from s3fs, examining an OSError
                raise_explained(error)
                raise_explained(error.__context__ or error)
                raise

        file.cache.fetcher = fetch_range
    return file
