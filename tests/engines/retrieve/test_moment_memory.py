"""The memory of a search for moments: that of a row group, however many frames a corpus has."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from support.traced import trace_peak

from data.specs.retrieve import RetrieveSpec
from data.store import layout
from data.store.frame_vectors import FrameVectorWriter, iter_frames
from data.store.storage import Store
from engines.index.batches import to_unit
from engines.retrieve import curves
from engines.retrieve.curves import FrameReader
from engines.retrieve.moment_search import search_moments

DIM, VIDEOS, FRAMES, CANDIDATES = 64, 20, 200, 16  # VIDEOS of FRAMES frames a shard
QUERY = to_unit(np.ones((1, DIM), np.float32))


def write_store(
    folder: Path, shards: int, frames: int = FRAMES, videos: int = VIDEOS
) -> FrameReader:
    """A store of shards in which every video is near the query from a third to two thirds."""
    store, random, places = Store(str(folder)), np.random.default_rng(0), {}
    numbers = np.arange(frames)
    near = ((numbers > frames / 3) & (numbers < frames * 2 / 3))[:, None] * QUERY * 8
    for shard in range(shards):
        with FrameVectorWriter(store, layout.shard_file("embed", f"{shard:06d}")) as writer:
            for video in range(videos):
                vectors = near + random.standard_normal((frames, DIM))
                writer.add(f"{shard}-{video}", numbers, numbers / 1.0, vectors.astype(np.float16))
                places[f"{shard}-{video}"] = (f"{shard:06d}", f"{shard}-{video}")
    return FrameReader(store, "embed", places)


def measure_peak(reader: FrameReader, monkeypatch: pytest.MonkeyPatch) -> int:
    """Bytes that Python and Arrow hold at most during a search, the most of a dozen.

    Arrow reads ahead with threads, in every other search more and else less of it.
    """
    return max(measure_arrow(reader, monkeypatch) for _ in range(12)) + trace_peak(search, reader)


def measure_arrow(reader: FrameReader, monkeypatch: pytest.MonkeyPatch) -> int:
    """Bytes that Arrow holds at most during one search; Python knows not of them."""
    before, held = pa.total_allocated_bytes(), [0]

    def watch(*args: Any) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        for part in iter_frames(*args):
            held.append(pa.total_allocated_bytes() - before)
            yield part

    monkeypatch.setattr(curves, "iter_frames", watch)
    search(reader)
    return max(held)


def search(reader: FrameReader) -> None:
    """A search of some videos of all shards."""
    contents = sorted(reader.places)
    chosen = [contents[n] for n in np.linspace(0, len(contents) - 1, CANDIDATES).astype(int)]
    [found] = search_moments(reader, QUERY, [chosen], RetrieveSpec(k=5, dedup=1.1), {})
    assert found and all(each.moment.score > 0.5 for each in found)


def test_it_does_not_grow_with_the_shards_of_a_corpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few, many = [measure_peak(write_store(tmp_path / str(shards), shards), monkeypatch)
                 for shards in (4, 16)]  # fmt: skip
    assert many < 1.3 * few


def test_a_long_video_costs_its_scores_and_not_its_vectors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    peaks = [measure_peak(write_store(tmp_path / str(frames), 1, frames, 1), monkeypatch)
             for frames in (10_000, 40_000)]  # fmt: skip
    assert max(peaks) < 1.6 * min(peaks), peaks
