"""Folders and globs of videos."""

import json
import os
from pathlib import Path

import pytest

from data.errors import UserError
from engines.files import walk
from engines.ingest.open_source import open_source


def fill(root: Path, *names: str) -> Path:
    """Empty files at the paths below the root."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def ids(src: object) -> list[str | None]:
    return [row.id for row in open_source(str(src))]


def test_an_id_is_the_path_below_the_folder_without_its_ending(tmp_path: Path) -> None:
    fill(
        tmp_path, "b.mp4", "a/z.MKV", "a/deep er/v1.2.webm", "a/notes.pdf", ".hidden.mp4", "🦊.mp4"
    )
    rows = list(open_source(f"{tmp_path}/"))
    assert [(row.line, row.id) for row in rows] == list(
        enumerate(["b", "🦊", "a/z", "a/deep er/v1.2"])
    )
    assert rows[3].uri == f"{tmp_path}/a/deep er/v1.2.webm"
    assert rows == list(open_source(str(tmp_path)))


def test_a_glob_chooses_and_counts_from_its_first_fixed_folder(tmp_path: Path) -> None:
    fill(tmp_path, "x/a.mp4", "x/b.webm", "x/y/c.mp4", "z/d.mp4")
    assert ids(tmp_path / "x" / "*.mp4") == ["a"]
    assert ids(tmp_path / "x" / "**" / "*.mp4") == ["a", "y/c"]
    assert ids(tmp_path / "*" / "?.mp4") == ["x/a", "z/d"]
    assert ids(tmp_path / "x" / "*.{mp4,webm}") == ["a", "b"]
    assert ids(tmp_path / "{z,x}" / "*.mp4") == ["d", "a"]


def test_one_file_is_a_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, "a[1].mp4", "a1.mp4", "b.mp4")
    assert ids(tmp_path / "a[1].mp4") == ["a[1]"]
    monkeypatch.chdir(tmp_path)
    (row,) = open_source("b.mp4")
    assert row.uri == f"{tmp_path}/b.mp4"


def test_captions_come_from_the_files_beside(tmp_path: Path) -> None:
    fill(tmp_path, *(f"{name}.mp4" for name in "abcdef"))
    (tmp_path / "a.txt").write_text("  a red circle\n")
    (tmp_path / "b.json").write_text(json.dumps({"caption": "a blue square", "fps": 25}))
    (tmp_path / "c.json").write_text(json.dumps({"txt": "t", "caption": "c", "title": "own"}))
    (tmp_path / "d.json").write_text("{")
    (tmp_path / "e.txt").write_text(" \n")
    a, b, c, d, e, f = open_source(str(tmp_path))
    assert (a.caption, b.caption, c.caption) == ("a red circle", "a blue square", "t")
    assert (b.columns, c.columns) == ({"fps": 25}, {"caption": "c", "title": "own"})
    assert (d.id, d.caption, e.caption, f.caption) == ("d", None, None, None)
    assert "not JSON" in str(d.columns["caption_error"])
    titles = [row.caption for row in open_source(str(tmp_path), {"txt": "title"})]
    assert titles[2] == "own"


def test_links_are_followed_but_never_round_in_circles(tmp_path: Path) -> None:
    corpus, far = fill(tmp_path / "corpus", "a/x.mp4", "b/y.mp4"), fill(tmp_path / "far", "z.mp4")
    (corpus / "a" / "up").symlink_to(corpus)
    (corpus / "a" / "self").symlink_to(corpus / "a" / "self")
    (corpus / "round.mp4").symlink_to(corpus / "round.mp4")
    (corpus / "far1").symlink_to(far)
    (corpus / "far2").symlink_to(far)
    (far / "back").symlink_to(corpus)
    (far / "other").symlink_to(tmp_path)
    (corpus / "gone.mp4").symlink_to(tmp_path / "nothing.mp4")
    assert ids(corpus) == ["gone", "round", "a/x", "b/y", "far1/z", "far2/z"]


def test_a_folder_that_cannot_be_listed_is_a_row_with_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, "a/x.mp4", "locked/y.mp4")
    scandir = os.scandir

    def guarded(path: str) -> object:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(walk.os, "scandir", guarded)
    good, bad = open_source(str(tmp_path))
    assert good.id == "a/x"
    assert (bad.id, bad.uri) == (None, None)
    assert "locked" in str(bad.columns["error"])


def test_a_name_that_is_not_utf8_is_a_row_with_an_error(tmp_path: Path) -> None:
    fill(tmp_path, "a.mp4")
    open(os.fsencode(tmp_path) + b"/\xff.mp4", "w").close()
    good, bad = sorted(open_source(str(tmp_path)), key=lambda row: row.id is None)
    assert (good.id, bad.id, bad.uri) == ("a", None, None)
    json.dumps(bad.columns).encode()


def test_videos_count_for_more_than_a_table_beside_them(tmp_path: Path) -> None:
    fill(tmp_path, "captions.csv", "clips/a.mp4")
    assert ids(tmp_path) == ["clips/a"]


@pytest.mark.parametrize("names", [(), ("readme.md",), (".mp4",)])
def test_a_folder_without_videos_says_so(tmp_path: Path, names: tuple[str, ...]) -> None:
    fill(tmp_path, *names)
    with pytest.raises(UserError, match=r"\.parquet"):
        open_source(str(tmp_path))
