"""Tars of samples, read where they lie."""

import gzip
import io
import json
import os
import tarfile
from pathlib import Path

import pytest
from support.traced import trace_peak

from data.errors import UserError
from data.records import Row
from engines.files.media import open_media, stat_media
from engines.ingest.open_source import open_source

Members = list[tuple[str, bytes]]
SAMPLES: Members = [
    ("a.mp4", b"video a"),
    ("a.json", json.dumps({"caption": "a red circle", "fps": 25, "videoID": "own"}).encode()),
    ("b.txt", b"a blue square\n"),
    ("b.mp4", b"video b"),
    ("sub dir/c.meta.json", b"{}"),
    ("sub dir/c.mp4", b"video c"),
]


def add(tar: tarfile.TarFile, name: str, body: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(body)
    tar.addfile(info, io.BytesIO(body))


def make(path: Path, members: Members) -> Path:
    mode = {".gz": "w:gz", ".tgz": "w:gz", ".xz": "w:xz", ".bz2": "w:bz2"}.get(path.suffix, "w")
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, body in members:
            add(tar, name, body)
    return path


def read(src: object, columns: dict[str, str] | None = None) -> list[Row]:
    return list(open_source(str(src), columns))


@pytest.mark.parametrize("name", ["x.tar", "x.tar.gz", "x.tgz", "x.tar.xz", "x.tar.bz2"])
def test_a_sample_is_a_row_whose_uri_opens(tmp_path: Path, name: str) -> None:
    rows = read(make(tmp_path / name, SAMPLES))
    assert [(row.id, row.caption) for row in rows] == [
        ("a", "a red circle"),
        ("b", "a blue square"),
        ("sub dir/c", None),
    ]
    assert rows[0].columns == {"fps": 25}
    for row in rows:
        assert row.uri is not None and row.id is not None
        body = f"video {row.id[-1]}".encode()
        assert open_media(row.uri).read() == body
        assert stat_media(row.uri)[0] == len(body)


def test_names_can_be_mapped(tmp_path: Path) -> None:
    rows = read(make(tmp_path / "x.tar", SAMPLES), {"videoID": "videoID", "txt": "caption"})
    assert [row.id for row in rows] == ["own", "b", "sub dir/c"]
    assert [row.caption for row in rows] == ["a red circle", "a blue square", None]


def test_braces_globs_and_folders_name_the_same_tars(tmp_path: Path) -> None:
    for i in range(11):
        make(tmp_path / f"data-{i:03d}.tar", [(f"{i}.mp4", b"x")])
    (tmp_path / "data-000.parquet").touch()
    expected = [(i, str(i)) for i in range(11)]
    for name in ("data-{000..010}.tar", "*.tar", "", "data-{00{0..9},010}.tar"):
        assert [(row.line, row.id) for row in read(f"{tmp_path}/{name}")] == expected


def test_a_missing_tar_of_many_is_a_row_with_an_error(tmp_path: Path) -> None:
    make(tmp_path / "x-0.tar", [("a.mp4", b"x")])
    good, bad = read(tmp_path / "x-{0..1}.tar")
    assert (good.id, bad.id, bad.uri) == ("a", None, None)
    assert "x-1.tar" in str(bad.columns["error"])
    with pytest.raises(UserError, match=r"x-1\.tar"):
        read(tmp_path / "x-1.tar")


def test_names_that_try_to_leave_are_only_names(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as tar:
        add(tar, "../../x.mp4", b"up")
        add(tar, "/etc/y.mp4", b"root")
        for name, kind in (("l.mp4", tarfile.SYMTYPE), ("h.mp4", tarfile.LNKTYPE)):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = kind, "/etc/passwd"
            tar.addfile(link)
        device = tarfile.TarInfo("d.mp4")
        device.type = tarfile.CHRTYPE
        tar.addfile(device)
        folder = tarfile.TarInfo("f.mp4")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
    rows = read(path)
    assert [row.id for row in rows] == ["../../x", "/etc/y", None, None, None]
    assert [open_media(row.uri).read() for row in rows if row.uri] == [b"up", b"root"]
    assert "l.mp4" in str(rows[2].columns["error"])
    assert sorted(os.listdir(tmp_path)) == ["x.tar"]


def test_two_videos_with_one_key_are_two_rows(tmp_path: Path) -> None:
    rows = read(
        make(tmp_path / "x.tar", [("v1.2.mp4", b"2"), ("v1.3.mp4", b"3"), ("v1.txt", b"t")])
    )
    assert [(row.id, row.caption) for row in rows] == [("v1.2", "t"), ("v1.3", "t")]


def test_a_sample_without_a_video_is_a_row_with_an_error(tmp_path: Path) -> None:
    bad, good = read(
        make(tmp_path / "x.tar", [("a.json", b"{}"), ("b.mp4", b"x"), ("._b.mp4", b"")])
    )
    assert "no video" in str(bad.columns["error"])
    assert good.id == "b"


@pytest.mark.parametrize("cut", [100, 513, 700, 1024, 2048, 3000, 3600])
def test_a_cut_tar_gives_what_it_holds_and_one_error(tmp_path: Path, cut: int) -> None:
    path = make(tmp_path / "x.tar", SAMPLES)
    path.write_bytes(path.read_bytes()[:cut])
    *rest, bad = read(path)
    assert [row.id for row in rest if row.id] == ["a", "b"][: (cut > 512) + (cut > 3584)]
    assert "x.tar" in str(bad.columns["error"])


def test_a_damaged_tar_does_not_end_quietly(tmp_path: Path) -> None:
    path = make(tmp_path / "x.tar", SAMPLES)
    body = bytearray(path.read_bytes())
    body[2048:2060] = b"\xff" * 12
    path.write_bytes(body)
    good, bad = read(path)
    assert (good.id, bad.id) == ("a", None)
    zipped = gzip.compress(make(path, [("a.mp4", os.urandom(4000))]).read_bytes())[:2000]
    (tmp_path / "y.tar.gz").write_bytes(zipped)
    assert "y.tar.gz" in str(read(tmp_path / "y.tar.gz")[-1].columns["error"])


def test_a_long_tar_streams(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        for i in range(1000):
            add(tar, f"{i:06d}.mp4", b"x")
            add(tar, f"{i:06d}.txt", b"a caption")
    assert sum(1 for row in open_source(str(tmp_path / "x.tar")) if row.caption) == 1000
    assert trace_peak(_read_all, str(tmp_path / "x.tar")) < 600 << 10


def _read_all(source: str) -> None:
    for _ in open_source(source):
        pass
