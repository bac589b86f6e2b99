import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa

from data.store import tables
from data.store.frame_vectors import frame_schema
from data.store.storage import Store
from engines.embed.stored_vectors import StoredVectors


def stored(folder: Path) -> StoredVectors:
    store, schema = Store(str(folder)), frame_schema(4)
    with tables.open_writer(store, "e/shard-000000.parquet", schema) as writer:
        for id, count in (("a", 3), ("b", 2)):
            rows = [
                {"video_id": id, "frame": n, "t_seconds": n / 4, "vector": [n, count, 0.5, -1]}
                for n in range(count)
            ]
            writer.write_table(pa.Table.from_pylist(rows, schema))
    return StoredVectors(store, "e", {"of-b": ("000000", "b"), "lost": ("000000", "c")})


def test_a_contents_vectors_come_with_their_seconds(tmp_path: Path) -> None:
    seconds, vectors = stored(tmp_path)("of-b")
    assert seconds.tolist() == [0, 0.25]
    assert vectors.tolist() == [[0, 2, 0.5, -1], [1, 2, 0.5, -1]]
    assert vectors.dtype == np.float16


def test_what_is_not_stored_is_none(tmp_path: Path) -> None:
    found = stored(tmp_path)
    assert found("of-a") is None
    assert found("lost") is None


def test_it_travels_to_workers(tmp_path: Path) -> None:
    there = pickle.loads(pickle.dumps(stored(tmp_path)))
    assert there("of-b")[0].tolist() == [0, 0.25]
