"""An object store as a process of a test's own, whose requests can be made to fail."""

import logging
import re
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.request import Request, urlopen
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

# How a request fails: what is answered, or that its connection is cut.
THROTTLED, BROKEN, NOT_REACHED = "503 Slow Down", "500 Internal Server Error", "502 Bad Gateway"
RESET = "reset"
TROUBLE = {
    THROTTLED: b"<?xml version='1.0'?><Error><Code>SlowDown</Code>"
    b"<Message>Please reduce your request rate.</Message></Error>",
    BROKEN: b"<?xml version='1.0'?><Error><Code>InternalError</Code>"
    b"<Message>We encountered an internal error.</Message></Error>",
    NOT_REACHED: b"<html><body><h1>502 Bad Gateway</h1></body></html>",  # a proxy's, not S3's
}

SECRET = "planted-4d1f0c9a"  # what may be found nowhere


class Bucket:
    """A bucket named `videos`.

    `fault` is asked of each request, as `PUT /videos/name?query`, whether it fails (throttled), or
    which of the failures above it is. `struck` has when the last ones failed, in seconds.
    """

    def __init__(self) -> None:
        self.fault: Callable[[str], bool | str] = lambda asked: False
        self.failing = 0
        self.struck: deque[float] = deque(maxlen=100)

    def names(self, prefix: str) -> list[str]:
        """What it holds below a prefix, seen without a request."""
        from moto.s3.models import s3_backends

        (account,) = s3_backends.values()
        held = list(account["aws"].buckets["videos"].keys)
        return [name for name in held if name.startswith(prefix)]

    def fail(self, count: int, which: str = "", how: str = THROTTLED) -> None:
        """The next so many requests that match; `failing` is how many are still to come."""
        self.failing = count

        def fault(asked: str) -> bool | str:
            struck = self.failing > 0 and re.search(which, asked) is not None
            self.failing -= struck
            return struck and how

        self.fault = fault


@contextmanager
def served(env: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """A bucket on this machine, which the environment names for whoever asks for `s3://videos`."""
    import boto3
    from moto.server import ThreadedMotoServer
    from s3fs import S3FileSystem

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it logs each request
    bucket = Bucket()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with urlopen(Request(f"http://{host}:{port}/moto-api/reset", method="POST")):
        pass  # the servers of a process share what they keep
    _faulty(server, bucket)
    env.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    env.setenv("AWS_ACCESS_KEY_ID", "test")
    env.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    env.setenv("AWS_DEFAULT_REGION", "us-east-1")
    env.setenv("AWS_EC2_METADATA_DISABLED", "true")
    boto3.client("s3").create_bucket(Bucket="videos")
    S3FileSystem.clear_instance_cache()  # whose clients ask the server that was there before
    try:
        yield bucket
    finally:
        server.stop()
        S3FileSystem.clear_instance_cache()


def _faulty(server: object, bucket: Bucket) -> None:
    """Puts the bucket's faults before the server's application."""
    inner = server._server.app

    def outer(asked: WSGIEnvironment, start: StartResponse):
        said = f"{asked['REQUEST_METHOD']} {asked['PATH_INFO']}?{asked.get('QUERY_STRING', '')}"
        fault = bucket.fault(said)
        if not fault:
            return inner(asked, start)
        bucket.struck.append(time.monotonic())
        size = int(asked.get("CONTENT_LENGTH") or 0)
        asked["wsgi.input"].read(size)
        if fault == RESET:
            asked["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionResetError
        status = THROTTLED if fault is True else fault
        start(status, [("Content-Type", "application/xml")])
        return [TROUBLE[status]]

    server._server.app = outer
