"""Moments are found in the frames of a few videos, read a row group at a time."""

from pathlib import Path

import numpy as np
import pytest

from data.specs.retrieve import RetrieveSpec
from data.store import frame_vectors
from data.store.frame_vectors import FrameVectorWriter
from data.store.storage import Store
from engines.retrieve.curves import FrameReader
from engines.retrieve.moment_search import search_moments

DIM = 16
LENGTHS = {"a": 60, "b": 30, "c": 45}
AXIS = np.eye(DIM, dtype=np.float32)


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FrameReader:
    """Three videos in two shards; in `a` from frame 20 to 29 and in `b` from 10 there is axis 0."""
    monkeypatch.setattr(frame_vectors, "ROWS", 16)
    store, random = Store(str(tmp_path)), np.random.default_rng(0)
    shards = {"000000": ("a", "b"), "000001": ("c",)}
    for shard, ids in shards.items():
        with FrameVectorWriter(store, f"e/shard-{shard}.parquet") as table:
            for id in ids:
                vectors = AXIS[3] * 9 + random.normal(0, 0.3, (LENGTHS[id], DIM))
                matching = {"a": slice(20, 30), "b": slice(10, 15)}.get(id, slice(0, 0))
                vectors[matching] += AXIS[0] * {"a": 9, "b": 7, "c": 0}[id]
                frame = np.arange(LENGTHS[id])
                table.add(id, frame, frame / 5.0, vectors.astype(np.float16))
    places = {f"sha256:{id}": (shard, id) for shard, ids in shards.items() for id in ids}
    return FrameReader(store, "e", places)


def search(reader: FrameReader, query: np.ndarray, **how: object):
    spec = RetrieveSpec(**{"k": 5, "dedup": 1.01, "moments": True} | how)
    return search_moments(reader, query[None], [sorted(reader.places)], spec, {})[0]


def test_the_best_moment_of_each_video_is_found(reader: FrameReader) -> None:
    first, second, *_ = search(reader, AXIS[0])
    assert (first.content, first.moment.first, first.moment.last) == ("sha256:a", 20, 29)
    assert (second.content, second.moment.first, second.moment.last) == ("sha256:b", 10, 14)
    assert first.moment.start == pytest.approx(3.9) and first.moment.end == pytest.approx(5.9)


def test_a_moment_that_looks_like_a_better_one_is_left_out(reader: FrameReader) -> None:
    found = search(reader, AXIS[0], dedup=0.97)
    assert [each.content for each in found][:1] == ["sha256:a"]
    assert "sha256:b" not in {each.content for each in found}


def test_moments_above_the_ceiling_are_left_out(reader: FrameReader) -> None:
    assert all(each.moment.score < 0.65 for each in search(reader, AXIS[0], ceiling=0.65))


def test_only_candidates_are_read_and_only_one_row_group_at_a_time(
    reader: FrameReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long a video is: its vectors are never all in memory."""
    parts = [len(v) for _, part in reader._read_parts({"sha256:a": 0}) for _, v in part]
    assert sum(parts) == LENGTHS["a"]
    opened: list[str] = []
    real = Store.open
    monkeypatch.setattr(Store, "open", lambda self, name: opened.append(name) or real(self, name))
    list(reader.read_curves(AXIS[:1], {"sha256:c": [0]}))
    assert opened == ["e/shard-000001.parquet"]


def test_many_queries_give_what_each_gives_alone(reader: FrameReader) -> None:
    queries = AXIS[[0, 3, 5]]
    spec = RetrieveSpec(k=3, moments=True)
    together = search_moments(reader, queries, [sorted(reader.places)] * 3, spec, {})
    for query, found in zip(queries, together, strict=True):
        alone = search(reader, query, k=3, dedup=0.98)
        assert [each.key for each in found] == [each.key for each in alone]
