"""The videos that questions name."""

import json
import shutil
from pathlib import Path

import pytest

from flows.ingest import ingest
from tasks.answer.videos import find_in_corpus, find_in_folder


@pytest.mark.usefixtures("plain_flows")
def test_a_name_of_two_videos_is_of_neither(workspace, tmp_path, clips) -> None:
    """An id and a whole file's name tell them apart; copies are one video."""
    shutil.copy(clips / "clip-1.mp4", clips / "clip-0.mov")
    found = find_in_folder(str(clips), ["clip-0", "clip-0.mp4", "clip-2", "clip-3.avi"])
    assert {name: Path(v.uri).name for name, v in found.items()} == {
        "clip-0.mp4": "clip-0.mp4", "clip-2": "clip-2.mp4", "clip-3.avi": "clip-3.mp4"
    }  # fmt: skip
    places = {"a": "x/1.mp4", "b": "y/1.mp4", "c": "x/2.mp4", "d": "y/2.mp4", "2": "x/3.mp4"}
    for number, place in enumerate(places.values()):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        shutil.copy(clips / f"clip-{min(number, 2)}.mp4", tmp_path / place)
    rows = [
        {"videoID": id, "txt": "", "videoLoc": str(tmp_path / place)}
        for id, place in places.items()
    ]
    (tmp_path / "videos.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    ingest(str(tmp_path / "videos.jsonl"), "two")
    found = find_in_corpus(workspace, "two", ["1", "1.mp4", "2", "2.mp4", "b", "3.avi"])
    assert {name: video.id for name, video in found.items()} == {
        "2": "2", "2.mp4": "c", "b": "b", "3.avi": "2"
    }  # fmt: skip
