"""Reads parts of a file on a web server, and notices where the server lies about its length.

fsspec's own reader fails on servers without ranges, takes a short answer for the file's end, and
waits for as long as a server likes.
"""

import re
import tempfile
from typing import TYPE_CHECKING, Any

from fsspec.asyn import sync

from engines.files.faults import Unreachable

if TYPE_CHECKING:
    import aiohttp

MAX_COPIED_BYTES = 2 << 30  # of an answer without ranges: it may have no end
BLOCK_BYTES = 1 << 20
IN_MEMORY_BYTES = 32 << 20
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class WebReader:
    """A file by its URL; `size` as its server states it, None where it does not.

    It is read by ranges; where the server sends none, from a copy in a temporary file, which grows
    as far as is read.
    """

    def __init__(self, files: Any, url: str, size: int | None) -> None:
        self._files, self._url, self._size = files, url, size
        self._body: aiohttp.ClientResponse | None = None  # of an answer without ranges
        self._copy: Any = None
        self._copied, self._complete = 0, False

    def read_size(self) -> int:
        """The stated size; where none is stated, the whole file is read."""
        if self._size is None:
            self._copy_until(None)
            return self._copied
        return self._size

    def read_at(self, start: int, count: int) -> bytes:
        """Bytes of the file; an Unreachable where the server sends fewer or more than it states."""
        if self._size is not None:
            count = max(0, min(count, self._size - start))
        if count and self._copy is None and self._size is not None:
            content = self._sync(self._fetch_range, start, count)
            if content is not None:
                return bytes(content)
        if not count:
            return b""
        self._copy_until(start + count)
        self._copy.seek(start)
        return bytes(self._copy.read(count))

    def close(self) -> None:
        """Ends an answer that was not read to its end, and drops the copy."""
        if self._body is not None:
            self._body.close()
        if self._copy is not None:
            self._copy.close()

    async def _fetch_range(self, start: int, count: int) -> bytes | None:
        """The bytes; None where the server sends the whole file instead, which is then copied."""
        response = await self._request({"Range": f"bytes={start}-{start + count - 1}"})
        if response.status != 206:
            self._begin_copy(response)
            return None
        async with response:
            span = _RANGE.match(response.headers.get("Content-Range", ""))
            if span and int(span[1]) != start:
                raise Unreachable("its server sends other bytes than it is asked for")
            if span and span[2] != "*":
                self._check_size(int(span[2]))
            return await response.content.readexactly(count)

    async def _request(self, headers: dict[str, str]) -> "aiohttp.ClientResponse":
        session = await self._files.set_session()
        headers = {"Accept-Encoding": "identity"} | headers  # sizes are of the bytes as they are
        response = await session.get(self._files.encode_url(self._url), headers=headers)
        if response.status == 416:
            raise Unreachable(f"its server states {self._size:,} bytes and has fewer")
        response.raise_for_status()
        return response

    def _begin_copy(self, response: "aiohttp.ClientResponse") -> None:
        if response.content_length is not None:
            self._check_size(response.content_length)
        self._body, self._copied, self._complete = response, 0, False
        self._copy = tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115 - see `close`

    def _check_size(self, size: int) -> None:
        if self._size is not None and size != self._size:
            raise Unreachable(f"its server states {self._size:,} bytes, and then {size:,}")

    def _copy_until(self, end: int | None) -> None:
        """Reads on into the copy, up to a position or to the file's end."""
        if self._copy is None:
            self._begin_copy(self._sync(self._request, {}))
        while not self._complete and (end is None or self._copied < end):
            block = self._read_block()
            self._copy.seek(self._copied)
            self._copied += self._copy.write(block)
            self._complete = not block
            if self._copied > MAX_COPIED_BYTES:
                limit = MAX_COPIED_BYTES >> 30
                raise Unreachable(f"its server sends no ranges, and more than {limit} GB at once")
        if self._complete:
            self._check_size(self._copied)

    def _read_block(self) -> bytes:
        assert self._body is not None
        try:
            return bytes(self._sync(self._body.content.read, BLOCK_BYTES))
        except BaseException as error:
            self.close()  # what is left of the answer is of no use: the next attempt starts anew
            self._copy = self._body = None
            if type(error.__cause__) is TimeoutError:  # of the whole answer, not of one wait
                raise Unreachable("its answer does not end") from error
            raise

    def _sync(self, call: Any, *arguments: Any) -> Any:
        return sync(self._files.loop, call, *arguments)
