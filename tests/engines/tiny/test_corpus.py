"""The corpus on disk: real H.264 files, written once, completed when cut short."""

import os
from pathlib import Path

import av
import numpy as np
import pytest
from pyarrow import parquet

from engines.tiny import corpus
from engines.tiny.render import render_frames
from engines.tiny.scene import scene_at

VIDEOS = 12


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small corpus, written once."""
    return corpus.write_corpus(tmp_path_factory.mktemp("shapes"), VIDEOS, workers=1)


def decode(clip: Path) -> np.ndarray:
    """Every frame of a clip as RGB."""
    with av.open(str(clip)) as container:
        return np.stack([f.to_ndarray(format="rgb24") for f in container.decode(video=0)])


def test_clips_are_what_they_are_said_to_be(table: Path) -> None:
    """H.264, 4:2:0, 25 frames a second, 2 to 4 s, 64 to 96 pixels."""
    for row in parquet.read_table(table).to_pylist():
        with av.open(str(table.parent / row["videoLoc"])) as container:
            stream = container.streams.video[0]
            assert stream.codec_context.name == "h264"
            assert stream.codec_context.pix_fmt == "yuv420p"
            assert stream.average_rate == 25
            assert 2 <= float(stream.duration * stream.time_base) <= 4
            assert stream.width == stream.height
            assert 64 <= stream.width <= 96


def test_colours_survive_encoding(table: Path) -> None:
    """Decoded pixels are the rendered ones, within what 4:2:0 and compression cost."""
    for index in range(VIDEOS):
        scene = scene_at(0, index)
        shown = decode(table.parent / "videos" / f"{corpus.clip_name(0, index)}.mp4").astype(int)
        error = np.abs(shown - render_frames(scene, np.arange(scene.frames)))
        assert error.mean() < 6
        assert np.median(error) <= 4


def test_rows_say_what_the_clips_show(table: Path) -> None:
    """The table has every column, and its held-out mark follows from its attributes."""
    rows = parquet.read_table(table).to_pylist()
    assert list(rows[0]) == ["txt", "videoLoc", "videoID", *corpus.ATTRIBUTES, "held_out"]
    assert rows == [corpus.build_row(0, index) for index in range(VIDEOS)]
    assert len({row["videoID"] for row in rows}) == VIDEOS


def test_the_same_seed_gives_the_same_bytes(table: Path, tmp_path: Path) -> None:
    """Clips depend on seed and number only, not on how many are made, by whom or when."""
    again = corpus.write_corpus(tmp_path / "again", 3, workers=1)
    for clip in (again.parent / "videos").iterdir():
        assert clip.read_bytes() == (table.parent / "videos" / clip.name).read_bytes()
    other = corpus.write_corpus(tmp_path / "other", 1, seed=5, workers=1)
    assert parquet.read_table(other).to_pylist()[0]["videoID"] != corpus.clip_name(0, 0)


def test_a_complete_corpus_is_left_alone(tmp_path: Path) -> None:
    """Nothing is touched the second time."""
    table = corpus.write_corpus(tmp_path, 3, workers=1)
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}
    assert corpus.write_corpus(tmp_path, 3, workers=1) == table
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")} == before


def test_a_partial_corpus_is_completed_not_remade(tmp_path: Path) -> None:
    """What is there stays as it is, what is missing comes back the same, the table comes last."""
    table = corpus.write_corpus(tmp_path, 4, workers=1)
    clips = sorted((tmp_path / "videos").iterdir())
    whole, kept = clips[2].read_bytes(), clips[0].stat().st_mtime_ns
    os.unlink(clips[2])
    os.unlink(table)
    corpus.write_corpus(tmp_path, 5, workers=1)
    assert clips[2].read_bytes() == whole
    assert clips[0].stat().st_mtime_ns == kept
    assert parquet.read_table(table).num_rows == len(list((tmp_path / "videos").iterdir())) == 5


@pytest.mark.slow
def test_workers_write_what_one_process_writes(tmp_path: Path) -> None:
    """A pool of processes gives the same files, and leaves no draft behind."""
    many = corpus.write_corpus(tmp_path / "many", 2 * corpus.CHUNK, workers=2)
    names = {p.name for p in (many.parent / "videos").iterdir()}
    assert names == {f"{corpus.clip_name(0, i)}.mp4" for i in range(2 * corpus.CHUNK)}
    corpus.write_clips(tmp_path, 0, [])
    (tmp_path / "videos").mkdir()
    corpus.write_clips(tmp_path, 0, [30])
    name = f"videos/{corpus.clip_name(0, 30)}.mp4"
    assert (tmp_path / name).read_bytes() == (many.parent / name).read_bytes()
