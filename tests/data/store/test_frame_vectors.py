"""The table of frame vectors: what is written is read, by video and whole."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from data.store import frame_vectors
from data.store.frame_vectors import FrameVectorWriter, merge_files, read_by_video, read_frames
from data.store.storage import Store

NAME = "e/shard-000000.parquet"
LENGTHS = {"a": 3, "b": 0, "c": 5, "d": 1}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path))


def vectors(id: str) -> np.ndarray:
    return np.full((LENGTHS[id], 4), ord(id), np.float16)


def write(store: Store, name: str, *ids: str) -> None:
    with FrameVectorWriter(store, name) as table:
        for id in ids:
            frame = np.arange(LENGTHS[id]) * 5
            table.add(id, frame, frame / 25.0, vectors(id))


def test_vectors_are_read_by_video(store: Store) -> None:
    write(store, NAME, *LENGTHS)
    found = dict(read_by_video(store, NAME))
    assert list(found) == ["a", "c", "d"]
    for id, vector in found.items():
        assert vector.dtype == np.float16 and np.array_equal(vector, vectors(id))
    seconds, vector = read_frames(store, NAME, "c")
    assert seconds.tolist() == [0, 0.2, 0.4, 0.6, 0.8] and np.array_equal(vector, vectors("c"))
    assert read_frames(store, NAME, "b") is None


def test_row_groups_end_with_the_video_that_fills_them(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame_vectors, "ROWS", 4)
    write(store, NAME, *LENGTHS)
    metadata = pq.read_metadata(store.local_path(NAME))
    assert [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)] == [8, 1]


def test_without_videos_or_after_a_failure_there_is_no_file(store: Store) -> None:
    write(store, NAME)
    with pytest.raises(RuntimeError), FrameVectorWriter(store, NAME) as table:
        table.add("a", np.arange(3), np.arange(3) / 25, vectors("a"))
        raise RuntimeError
    assert not store.exists(NAME)
    merge_files(store, [], NAME)
    assert not store.exists(NAME)


def test_files_are_merged_in_their_order(store: Store) -> None:
    write(store, "e/1", "c")
    write(store, "e/2", "a", "d")
    merge_files(store, ["e/1", "e/2"], NAME)
    assert [id for id, _ in read_by_video(store, NAME)] == ["c", "a", "d"]
