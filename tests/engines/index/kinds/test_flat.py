from pathlib import Path

import faiss
import numpy as np
from support.clustered import batches, clustered, named
from support.traced import trace_peak

from engines.index.batches import Batch
from engines.index.kinds import flat


def test_the_file_is_what_faiss_itself_would_write(tmp_path: Path) -> None:
    vectors = clustered(100)
    flat.build(batches(vectors, size=7), tmp_path / "v")
    index = flat.open_index(tmp_path / "v")
    direct = faiss.IndexFlatIP(32)
    direct.add(index.vectors(np.arange(100)))
    faiss.write_index(direct, str(tmp_path / "direct"))
    assert (tmp_path / "v" / "knn.index").read_bytes() == (tmp_path / "direct").read_bytes()


def test_rows_keep_the_order_they_came_in(tmp_path: Path) -> None:
    flat.build(batches(clustered(50)), tmp_path / "v")
    assert flat.open_index(tmp_path / "v").contents.tolist() == named(50)


def test_it_agrees_with_a_matrix_product(tmp_path: Path) -> None:
    vectors, queries = clustered(400), clustered(30, seed=1)
    flat.build(batches(vectors), tmp_path / "v")
    scores, rows = flat.open_index(tmp_path / "v").search(queries, 5)
    products = queries @ vectors.T
    np.testing.assert_array_equal(rows, np.argsort(-products, axis=1)[:, :5])
    np.testing.assert_allclose(scores, -np.sort(-products, axis=1)[:, :5], atol=1e-6)


def test_memory_is_bounded_by_a_batch(tmp_path: Path) -> None:
    assert trace_peak(_build_large, tmp_path) < 15e6
    assert (tmp_path / "1" / "knn.index").stat().st_size > 40e6


def _build_large(folder: Path) -> None:
    vectors = np.random.default_rng(0).standard_normal((500, 512)).astype(np.float32)
    stream = (Batch(named(500, first), vectors) for first in range(0, 20_000, 500))
    flat.build(stream, folder / str(len(list(folder.iterdir()))))
