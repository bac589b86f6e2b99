"""When a file was changed, as each storage tells it."""

import os
from datetime import UTC, datetime
from pathlib import Path

import fsspec
import pytest

from engines.files import modified
from engines.files.modified import read_modified

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "info",
    [
        {"LastModified": NOON},
        {"Last-Modified": "Sat, 31 Jan 2026 12:00:00 GMT"},
        {"updated": "2026-01-31T12:00:00Z"},
        {"mtime": NOON.timestamp()},
        {"created": NOON.replace(tzinfo=None)},
        {"Last-Modified": "yesterday", "mtime": NOON.timestamp()},
    ],
)
def test_each_storage_names_its_time_in_its_own_way(
    info: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modified, "read_info", lambda uri, policy: info)
    assert read_modified("https://example.org/a.mp4") == NOON.timestamp()


def test_a_storage_that_tells_no_time_is_known_to_tell_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(modified, "read_info", lambda uri, policy: {"size": 3, "ETag": "x"})
    assert read_modified("https://example.org/a.mp4") is None


def test_a_file_here_and_one_in_an_object_store_have_a_time(tmp_path: Path) -> None:
    before = datetime.now(UTC).timestamp() - 1
    (tmp_path / "a").write_bytes(b"a")
    os.utime(tmp_path / "a", (0, 0))  # as a copy that keeps the time of modification
    fsspec.filesystem("memory").pipe("/times/a", b"a")
    for uri in (str(tmp_path / "a"), "memory://times/a"):
        assert (read_modified(uri) or 0) > before
    with pytest.raises(FileNotFoundError):
        read_modified("memory://times/gone")
