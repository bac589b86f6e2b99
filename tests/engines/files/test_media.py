"""Bytes wherever they lie: paths, URLs, members of tars."""

import errno
import gzip
import io
import os
import tarfile
from pathlib import Path

import fsspec
import pytest

from engines.files import media
from engines.files.archive import Member, format_member_uri, parse_member
from engines.files.faults import Unreachable
from engines.files.media import open_media, stat_media
from engines.files.urls import resolve_location

BODY = bytes(range(256)) * 40


def make_tar(path: Path, mode: str, members: dict[str, bytes]) -> dict[str, str]:
    """A tar, and the uri of each of its members."""
    with tarfile.open(path, mode) as tar:
        for name, body in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
    with tarfile.open(path) as tar:
        return {
            info.name: format_member_uri(Member(str(path), info.offset_data, info.size), info.name)
            for info in tar
        }


@pytest.mark.parametrize(
    ("loc", "base", "expected"),
    [
        ("a.mp4", "/corpus", "/corpus/a.mp4"),
        ("../a b.mp4", "/corpus/tables", "/corpus/tables/../a b.mp4"),
        ("/elsewhere/a.mp4", "/corpus", "/elsewhere/a.mp4"),
        ("/elsewhere/a.mp4", "s3://bucket/x", "/elsewhere/a.mp4"),
        ("https://host/a.mp4", "/corpus", "https://host/a.mp4"),
        ("tar::/x.tar#0:1/a", "/corpus", "tar::/x.tar#0:1/a"),
        ("a::b.mp4", "/corpus", "/corpus/a::b.mp4"),
        ("a.mp4", "s3://bucket/x", "s3://bucket/x/a.mp4"),
        ("../../../a.mp4", "s3://bucket/x", "s3://bucket/a.mp4"),
        ("a.mp4", "s3://bucket", "s3://bucket/a.mp4"),
        ("a.mp4", "https://host/x?token=1", "https://host/x/a.mp4"),
    ],
)
def test_a_relative_location_resolves_against_its_source(
    loc: str, base: str, expected: str
) -> None:
    assert resolve_location(loc, base) == expected


def test_a_relative_folder_gives_an_absolute_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert resolve_location("a.mp4", "videos") == str(tmp_path / "videos" / "a.mp4")


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_member_is_read_without_its_neighbours(tmp_path: Path, mode: str) -> None:
    members = {"a.mp4": BODY, "b#1:2/ü %41.mp4": BODY[::-1], "empty.mp4": b"", "c.mp4": b"end"}
    path = tmp_path / ("x#1:2.tar" + mode[1:].replace(":", "."))
    uris = make_tar(path, mode, members)
    for name in [*members, *reversed(members)]:
        with open_media(uris[name]) as file:
            assert not file.writable() and not hasattr(file, "mode")
            assert file.read() == members[name]
            assert file.seek(0, os.SEEK_END) == len(members[name])
            file.seek(len(members[name]) // 2)
            assert file.read() == members[name][len(members[name]) // 2 :]
        assert stat_media(uris[name])[0] == len(members[name])


def test_a_range_never_reads_beyond_its_member(tmp_path: Path) -> None:
    uris = make_tar(tmp_path / "x.tar", "w", {"a": BODY, "b": b"secret"})
    with open_media(uris["a"]) as file:
        file.seek(len(BODY) - 2)
        assert file.read(1 << 20) == BODY[-2:]
        file.seek(len(BODY) + 50)
        assert file.read() == b""
        assert not file.writable()


def test_a_changed_compressed_tar_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "x.tar.gz"
    uri = make_tar(path, "w:gz", {"a": b"first"})["a"]
    assert open_media(uri).read() == b"first"
    make_tar(path, "w:gz", {"a": b"again"})
    os.utime(path, ns=(1, 1))
    assert open_media(uri).read() == b"again"


def test_a_damaged_archive_is_a_fault_of_the_input(tmp_path: Path) -> None:
    path = tmp_path / "x.tar.gz"
    path.write_bytes(gzip.compress(os.urandom(5000))[:3000])
    with pytest.raises(OSError, match="damaged"):
        open_media(f"tar::{path}#2000:3000/a")


def test_an_address_survives_any_name() -> None:
    member = Member("s3://b/x#9:9/y.tar", 512, 7)
    for name in ("a", "../..", "x#1:2/y", "\n", "🦊" * 100):
        assert parse_member(format_member_uri(member, name)) == member
    assert parse_member("/plain/file.mp4") is None


@pytest.mark.parametrize("name", ["nothing", "n" * 5000, "nul\0byte", "file/below", "loop"])
def test_what_is_not_there_is_missing(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for ask in (open_media, stat_media):
        with pytest.raises(FileNotFoundError):
            ask(f"{tmp_path}/{name}")


@pytest.mark.parametrize("prefix", ["", "file://"])
def test_a_pipe_or_folder_is_refused_instead_of_waited_for(tmp_path: Path, prefix: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", ""):
        with pytest.raises(OSError, match="not a"):
            open_media(f"{prefix}{tmp_path}/{name}")


def test_an_unknown_protocol_is_a_fault_of_the_input() -> None:
    with pytest.raises(OSError, match="nosuch"):
        open_media("nosuch://x/y.mp4")


def test_a_change_shows_in_the_stamp(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(BODY)
    before = stat_media(str(path))
    os.utime(path, ns=(5, 5))
    assert before[0] == len(BODY)
    assert stat_media(str(path)) == (len(BODY), "5") != before


def test_any_fsspec_url_opens() -> None:
    fsspec.filesystem("memory").pipe("/media/a.mp4", BODY)
    with open_media("memory://media/a.mp4") as file:
        assert file.seek(10) == 10
        assert file.read() == BODY[10:]
    assert stat_media("memory://media/a.mp4")[0] == len(BODY)
    with pytest.raises(FileNotFoundError):
        open_media("memory://media/nothing.mp4")


def test_fake_videos_have_contents_of_their_own() -> None:
    assert open_media("fake://1?frames=8").read() != open_media("fake://2?frames=8").read()
    with pytest.raises(FileNotFoundError):
        open_media("fake://1?fault=missing")


@pytest.mark.parametrize("number", [errno.ESTALE, errno.ENOTCONN, errno.EIO, errno.ETIMEDOUT])
def test_a_mount_that_does_not_answer_says_nothing_of_the_file(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.mp4"
    file.write_bytes(b"x")

    def stat(path: object, *args: object, **more: object) -> object:
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(media.os, "stat", stat)
    with pytest.raises(Unreachable, match="its disk does not answer"):
        media.stat_media(str(file))
