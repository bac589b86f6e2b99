"""Where pages and their videos are."""

import os
from pathlib import Path

import pytest

from data.store.storage import Store
from engines.report.html import link_media, replace_file, write_html

NAME = "generations/ab/media/a#1.mp4"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(str(tmp_path / "store"))
    store.write(NAME, b"a video")
    return store


def test_a_page_in_the_store_links_to_its_videos(store: Store) -> None:
    page = store.local_path("generations/ab/report.html")
    assert link_media(store, NAME, page) == "media/a%231.mp4"
    assert list(page.parent.iterdir()) == [page.parent / "media"]


def test_a_page_elsewhere_has_its_videos_in_its_own_folder(store: Store, tmp_path: Path) -> None:
    src = link_media(store, NAME, tmp_path / "out/my page.html")
    assert src == f"my%20page_files/{NAME.replace('#', '%23')}"
    copy = tmp_path / "out/my page_files" / NAME
    assert copy.read_bytes() == b"a video"
    assert os.path.samefile(copy, store.local_path(NAME))  # no second copy on one disk


def test_a_video_made_again_replaces_the_one_beside_the_page(store: Store, tmp_path: Path) -> None:
    for content in (b"a video", b"another"):
        store.write(NAME, content)
        link_media(store, NAME, tmp_path / "page.html")
        assert (tmp_path / "page_files" / NAME).read_bytes() == content


def test_videos_of_a_remote_store_are_fetched(tmp_path: Path) -> None:
    store = Store("memory://somewhere")
    store.write(NAME, b"far away")
    link_media(store, NAME, tmp_path / "page.html")
    assert (tmp_path / "page_files" / NAME).read_bytes() == b"far away"


def test_a_page_is_there_whole_or_as_it_was_before(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    write_html(page, "before")

    def fail(draft: Path) -> None:
        draft.write_text("half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        replace_file(page, fail)
    assert page.read_text() == "before"
    write_html(page, "after")
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
