"""Videos as bytes: ranges of their own files, stills and previews."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from starlette.responses import Response, StreamingResponse

from data.errors import UserError
from data.records import Video
from engines.browse.pictures import NotShown
from engines.files.media import open_media, stat_media
from tasks.browse.session import Session
from tasks.browse.videos import find_media_type
from tasks.url_policy import build_url_policy

BLOCK = 1 << 18
RANGE = re.compile(r"bytes=(\d*)-(\d*)")
# A file is whatever its bytes are: none is ever opened as a page of this address.
ISOLATED = {"Content-Security-Policy": "sandbox; default-src 'none'"}


def send_file(session: Session, row: dict[str, Any], asked: str | None) -> Response:
    """The bytes of a video's file, or the range of them that is asked for.

    They are read as they are sent, from wherever they are: nothing is copied as a whole.
    """
    uri, policy = row["uri"] or "", build_url_policy(session.settings)
    if rejection := policy.find_rejection(uri):
        raise UserError(rejection)
    try:
        size, _ = stat_media(uri, policy)
        file = open_media(uri, policy)
    except OSError as error:
        raise NotShown("missing", f"its file cannot be read: {error}") from error
    media_type = find_media_type(row) or "application/octet-stream"
    if not size:  # a server that states no length
        return StreamingResponse(_read_blocks(file, 0, None), media_type=media_type,
                                 headers=ISOLATED)  # fmt: skip
    first, last = _parse_range(asked, size)
    if first > last:
        file.close()
        return Response(status_code=416, headers=ISOLATED | {"Content-Range": f"bytes */{size}"})
    headers = ISOLATED | {"Accept-Ranges": "bytes", "Content-Length": str(last - first + 1)}
    if asked:
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    blocks = _read_blocks(file, first, last - first + 1)
    return StreamingResponse(blocks, 206 if asked else 200, headers, media_type)


def draw_still(session: Session, row: dict[str, Any], seconds: float) -> bytes:
    """A JPEG of a video's frame at a time; NotShown where there is none."""
    key = f"still {row['content']} {seconds:.2f}"
    video, size = _build_video(session, row), _read_size(row)

    def draw(file: Path) -> None:
        file.write_bytes(session.pictures.draw_still(video, seconds, size))

    return session.files.find(key, ".jpg", draw)


def write_preview(session: Session, row: dict[str, Any], seconds: float) -> bytes:
    """A small mp4 of three seconds from a time on; NotShown where there is none."""
    key = f"preview {row['content']} {seconds:.2f}"
    video, size = _build_video(session, row), _read_size(row)
    return session.files.find(
        key, ".mp4", lambda file: session.pictures.write_preview(video, seconds, size, file)
    )


def send_bytes(body: bytes, media_type: str, asked: str | None) -> Response:
    """A small file, or the range of it that is asked for: players seek by ranges."""
    headers = ISOLATED | {"Accept-Ranges": "bytes", "Cache-Control": "private, max-age=86400"}
    first, last = _parse_range(asked, len(body))
    if not asked or first > last:
        return Response(body, 200, headers, media_type)
    headers["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
    return Response(body[first : last + 1], 206, headers, media_type)


def _build_video(session: Session, row: dict[str, Any]) -> Video:
    uri = row["uri"] or ""
    if rejection := build_url_policy(session.settings).find_rejection(uri):
        raise UserError(rejection)
    return Video(row["id"], uri, row["content"], row["duration"])


def _read_size(row: dict[str, Any]) -> tuple[int, int] | None:
    return (row["width"], row["height"]) if row["width"] and row["height"] else None


def _parse_range(asked: str | None, size: int) -> tuple[int, int]:
    """The first and the last byte; all of them where no range is asked for, none if it is empty."""
    match = RANGE.fullmatch((asked or "").strip())
    if not match or match[0] == "bytes=-":
        return 0, size - 1
    if not match[1]:
        return max(0, size - int(match[2])), size - 1
    last = int(match[2]) if match[2] else size - 1
    return int(match[1]), min(last, size - 1)


def _read_blocks(file: Any, first: int, count: int | None) -> Iterator[bytes]:
    with file:
        file.seek(first)
        while count is None or count > 0:
            block = file.read(BLOCK if count is None else min(BLOCK, count))
            if not block:
                return
            count = None if count is None else count - len(block)
            yield block
