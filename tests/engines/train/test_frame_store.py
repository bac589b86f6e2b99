from pathlib import Path

import numpy as np
import pytest

from engines.train.frame_store import FrameStore, open_frame_store


@pytest.fixture
def empty(tmp_path: Path) -> FrameStore:
    return open_frame_store(tmp_path, "latents", 5, 4, (2, 3))


def some(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 6)).astype(np.float16)


def test_a_new_shelf_has_everything_pending(empty: FrameStore) -> None:
    assert empty.frames.shape == (5, 4, 2, 3) and empty.frames.dtype == np.float16
    assert empty.pending().tolist() == [0, 1, 2, 3, 4]


def test_frames_come_back_as_they_were_put(empty: FrameStore, tmp_path: Path) -> None:
    empty.put(1, some(3))
    empty.commit_frames()
    again = FrameStore(tmp_path, "latents")
    assert again.counts.tolist() == [0, 3, 0, 0, 0]
    np.testing.assert_array_equal(again.frames[1, :3], some(3).reshape(3, 2, 3))
    assert again.pending().tolist() == [0, 2, 3, 4]


def test_a_longer_video_gives_its_first_frames(empty: FrameStore) -> None:
    empty.put(0, some(9))
    empty.commit_frames()
    assert empty.counts[0] == 4
    np.testing.assert_array_equal(empty.frames[0], some(9)[:4].reshape(4, 2, 3))


def test_what_was_not_settled_is_pending_still(empty: FrameStore, tmp_path: Path) -> None:
    """As after a kill: frames may lie there, and no count speaks of them."""
    empty.put(2, some(4))
    assert FrameStore(tmp_path, "latents").pending().tolist() == [0, 1, 2, 3, 4]


def test_what_is_left_out_says_why_and_is_not_asked_for_again(empty: FrameStore) -> None:
    for row, reason in enumerate(["undecodable", "missing", "undecodable"]):
        empty.leave_out(row, reason)
    empty.commit_frames()
    assert empty.left_out() == {"undecodable": 2, "missing": 1}
    assert empty.pending().tolist() == [3, 4]


def test_a_shelf_that_is_there_is_not_emptied(empty: FrameStore, tmp_path: Path) -> None:
    empty.put(1, some(2))
    empty.commit_frames()
    assert open_frame_store(tmp_path, "latents", 5, 4, (2, 3)).counts.tolist() == [0, 2, 0, 0, 0]


def test_room_is_taken_by_what_is_there_alone(tmp_path: Path) -> None:
    big = open_frame_store(tmp_path, "big", 10_000, 64, (4, 8, 8))
    big.put(5000, np.ones((64, 256)))
    big.commit_frames()
    stat = (tmp_path / "big.npy").stat()
    assert stat.st_size > 300e6 and stat.st_blocks * 512 < 1e6
