"""When a file was last changed, as far as its storage says."""

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from engines.files.access import STRICT, UrlPolicy
from engines.files.archive import parse_member
from engines.files.media import read_info
from engines.files.time_span import strip_span
from engines.files.urls import is_url

# As the file systems of fsspec name it: S3, web servers, Azure, GCS, SFTP, memory.
_TIMES = ("LastModified", "Last-Modified", "last_modified", "updated", "mtime", "modified",
          "created")  # fmt: skip


def read_modified(uri: str, policy: UrlPolicy = STRICT) -> float | None:
    """Seconds since 1970 at which a file was written; None where its storage does not say.

    Errors as of `open_media`.
    """
    uri = strip_span(uri)
    if uri.startswith("fake://"):
        return 0.0
    if member := parse_member(uri):
        return read_modified(member.tar, policy)
    if not is_url(uri):
        # The time of change, not of modification: a copy may keep the latter.
        return Path(uri).stat().st_ctime
    return next(_parse_times(read_info(uri, policy)), None)


def _parse_times(info: dict[str, Any]) -> Iterator[float]:
    for value in (info[key] for key in _TIMES if info.get(key)):
        if isinstance(value, int | float):
            yield float(value)
        elif time := value if isinstance(value, datetime) else _parse_text(str(value)):
            yield (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def _parse_text(text: str) -> datetime | None:
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            return parse(text)
        except ValueError:
            continue
    return None
