"""What the leak guard reads: clips in the layouts of benchmarks, and ids to leave out."""

import json
from pathlib import Path

import pytest
from support import golden

from data.errors import UserError
from data.runs.evaluations import Leak
from tasks.retrieve.leak_files import read_clips, read_excluded, write_leaks


def folders(root: Path, **files: tuple[str, ...]) -> str:
    for folder, names in files.items():
        for name in names:
            golden.clip(root / folder / f"{name}.mp4", frames=1)
    return str(root)


def test_a_miniatures_clips_are_its_real_videos_alone(tmp_path: Path) -> None:
    source = folders(tmp_path, cat=("ground_truth", "Ours"), car=("ground_truth", "Theirs"))
    found = read_clips(source)
    assert [clip.id for clip in found] == ["car", "cat"]
    assert all(clip.uri.endswith("/ground_truth.mp4") for clip in found)


def test_a_benchmarks_data_folder_gives_its_videos(tmp_path: Path) -> None:
    found = read_clips(folders(tmp_path, video7=("video",), video12=("video",)))
    assert [clip.id for clip in found] == ["video12", "video7"]


def test_where_one_folder_has_no_real_video_every_file_is_a_clip(tmp_path: Path) -> None:
    found = read_clips(folders(tmp_path, a=("video",), b=("other",)))
    assert [clip.id for clip in found] == ["a/video", "b/other"]


def test_clips_side_by_side_keep_their_names(tmp_path: Path) -> None:
    for name in ("video", "ground_truth"):
        golden.clip(tmp_path / f"{name}.mp4", frames=1)
    assert [clip.id for clip in read_clips(str(tmp_path))] == ["ground_truth", "video"]


def test_a_table_of_clips_is_refused_where_ids_repeat_or_videos_lack(tmp_path: Path) -> None:
    for rows, said in (
        (
            [{"videoID": "a", "videoLoc": "/x.mp4"}, {"videoID": "a", "videoLoc": "/y.mp4"}],
            "same id",
        ),
        ([{"videoID": "a", "videoLoc": ""}], "has no video"),
    ):
        file = tmp_path / "clips.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        with pytest.raises(UserError, match=said):
            read_clips(str(file))


def test_what_is_written_is_read_back_as_ids_each_once(tmp_path: Path) -> None:
    out = tmp_path / "new" / "leaks.jsonl"
    found = [("a", "v/1"), ("b", "v/1"), ("b", "ü 2")]
    write_leaks(str(out), [Leak(clip, id, "near", 0.99) for clip, id in found])
    assert read_excluded(str(out)) == ("v/1", "ü 2")


def test_plain_lines_are_ids_too(tmp_path: Path) -> None:
    file = tmp_path / "ids.txt"
    file.write_text("v1\n\n  v 2 \nv1\n")
    assert read_excluded(str(file)) == ("v1", "v 2")


def test_a_file_that_is_not_there_or_says_no_id_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="reelflow leaks"):
        read_excluded(str(tmp_path / "none"))
    (tmp_path / "bad").write_text('{"clip": "a"}\n')
    with pytest.raises(UserError, match="video_id"):
        read_excluded(str(tmp_path / "bad"))
