"""Preparing a whole folder: everything counted, nothing made twice, the lists of it."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.annotated import annotate, write_film

from data.errors import UserError
from data.workspace import Workspace
from tasks.evaluate.benchmark_prepare import prepare_benchmark, write_lists


@pytest.fixture
def asked(tmp_path: Path) -> tuple[str, str, str]:
    """Two good clips and one whose video is not there."""
    for clip in ("video1", "video2", "video3"):
        annotate(tmp_path / "notes", clip)
    for clip in ("video1", "video3"):
        write_film(tmp_path / "films", clip)
    return tuple(str(tmp_path / name) for name in ("notes", "films", "data"))


def test_every_clip_is_made_or_is_a_row_with_a_reason(
    workspace: Workspace, asked: tuple[str, str, str], tmp_path: Path
) -> None:
    made = prepare_benchmark(workspace, *asked)
    assert {key: made[key] for key in ("clips", "made", "there", "failed")} == {
        "clips": 3, "made": 2, "there": 0, "failed": {"missing": 1}
    }  # fmt: skip
    assert made["without_background"] == 2
    rows = {row["clip"]: row for row in pq.read_table(made["table"]).to_pylist()}
    assert rows["video1"] == {"clip": "video1", "reason": None, "detail": None}
    assert "video2.mp4" in rows["video2"]["detail"]
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["video1", "video3"]
    assert not list(tmp_path.glob(".*"))


@pytest.mark.slow
def test_a_second_run_makes_only_what_was_missing(
    workspace: Workspace, asked: tuple[str, str, str], tmp_path: Path
) -> None:
    prepare_benchmark(workspace, *asked)
    kept = tmp_path / "data" / "video1" / "mine.txt"
    kept.write_text("what somebody put there")
    write_film(tmp_path / "films", "video2")
    made = prepare_benchmark(workspace, *asked)
    assert (made["made"], made["there"], made["failed"]) == (1, 2, {})
    assert kept.exists()


def test_the_lists_of_what_was_prepared(
    workspace: Workspace, asked: tuple[str, str, str], tmp_path: Path
) -> None:
    prepare_benchmark(workspace, *asked)
    made = write_lists(str(tmp_path / "data"), str(tmp_path / "lists"), ("subject", "face"))
    assert made["clips"] == {"subject": 2, "face": 2}
    assert len(made["files"]) == 8
    videos = (tmp_path / "lists" / "face_mode_videos.txt").read_text()
    assert videos == "video1\nvideo3"


def test_when_no_clip_goes_through_it_is_said_why(workspace: Workspace, tmp_path: Path) -> None:
    annotate(tmp_path / "notes", "video1")
    (tmp_path / "films").mkdir()
    with pytest.raises(UserError, match="1 missing"):
        prepare_benchmark(workspace, *(str(tmp_path / name) for name in ("notes", "films", "data")))


@pytest.mark.parametrize("lacking", ["notes", "films"])
def test_folders_that_are_not_there_are_said_so(
    lacking: str, workspace: Workspace, asked: tuple[str, str, str], tmp_path: Path
) -> None:
    (tmp_path / lacking).rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="MSR-VTT"):
        prepare_benchmark(workspace, *asked)
    assert not (tmp_path / "data").exists()
