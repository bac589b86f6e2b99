"""UCF-101's split files and folder, as published."""

from pathlib import Path

import pytest

from data.errors import UserError
from engines.ingest.open_source import open_source

NAMES = ("ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi", "YoYo/v_YoYo_g25_c05.avi")


@pytest.mark.parametrize("nested", [True, False])
def test_a_split_file_names_videos_classes_and_groups(tmp_path: Path, nested: bool) -> None:
    for name in NAMES:
        video = tmp_path / "UCF-101" / (name if nested else name.split("/")[1])
        video.parent.mkdir(parents=True, exist_ok=True)
        video.write_bytes(b"")
    lists = tmp_path / "ucfTrainTestlist"
    lists.mkdir()
    (lists / "trainlist01.txt").write_text(f"{NAMES[0]} 1\r\n{NAMES[1]} 101\n\n")
    first, last = open_source(str(lists / "trainlist01.txt"))
    assert first.id == "v_ApplyEyeMakeup_g08_c01" and first.caption == "apply eye makeup"
    assert first.columns == {"class": "ApplyEyeMakeup", "group": "g08"}
    assert Path(last.uri).is_file() and last.columns["group"] == "g25"
    (lists / "testlist02.txt").write_text(f"{NAMES[1]}\n")
    assert [row.id for row in open_source(str(lists / "testlist02.txt"))] == ["v_YoYo_g25_c05"]
    assert len(list(open_source(str(tmp_path / "UCF-101")))) == 2  # the folder by itself


def test_a_list_without_its_videos_says_where_it_looked(tmp_path: Path) -> None:
    (tmp_path / "testlist01.txt").write_text(f"{NAMES[0]}\n")
    with pytest.raises(UserError, match="UCF-101"):
        list(open_source(str(tmp_path / "testlist01.txt")))
