from pathlib import Path

import pytest
from support import buckets

from data.errors import UserError
from data.store.storage import Store
from tasks.outputs import open_output, require_local, to_final_paths
from tasks.prompts import read_prompts


def test_a_file_here_is_written_in_its_place(tmp_path: Path) -> None:
    with open_output(str(tmp_path / "a.html")) as file:
        assert file == tmp_path / "a.html"
        said = {"page": file, "videos": 3}
    assert to_final_paths(said, str(file)) == said


def test_a_page_goes_to_a_url_with_all_that_lies_beside_it(bucket: buckets.Bucket) -> None:
    with open_output("s3://videos/pages/a.html") as file:
        (file.parent / "a_files").mkdir()
        (file.parent / "a_files" / "v.mp4").write_bytes(b"video")
        file.write_text("page")
        said = {"page": file, "sheet": file.with_name("a-sheet.jpg"), "videos": 3}
    pages = Store("s3://videos/pages")
    assert (pages.read("a.html"), pages.read("a_files/v.mp4")) == (b"page", b"video")
    assert to_final_paths(said, "s3://videos/pages/a.html") == {
        "page": "s3://videos/pages/a.html", "sheet": "s3://videos/pages/a-sheet.jpg", "videos": 3,
    }  # fmt: skip
    assert not file.exists()


def test_of_a_page_that_failed_nothing_is_seen(bucket: buckets.Bucket) -> None:
    with pytest.raises(RuntimeError), open_output("s3://videos/none/a.html") as file:
        file.write_text("half")
        raise RuntimeError
    assert Store("s3://videos/none").list_names("") == []


def test_what_can_only_be_written_here_says_so() -> None:
    with pytest.raises(UserError, match=r"s3://videos/a\.json"):
        require_local("s3://videos/a.json")


def test_prompts_are_read_from_a_url(bucket: buckets.Bucket) -> None:
    store = Store("s3://videos/asked")
    store.write("a.txt", b"a red circle\na blue star\n")
    store.write("a.jsonl", b'{"id": "x", "txt": "a cat", "image": "frames/x.png"}\n')
    assert [p.text for p in read_prompts("s3://videos/asked/a.txt")] == [
        "a red circle",
        "a blue star",
    ]
    assert read_prompts("s3://videos/asked/a.jsonl")[0].image == "s3://videos/asked/frames/x.png"
    with pytest.raises(UserError, match="s3://"):
        read_prompts("s3://videos/asked/none.txt")
