import logging
import tempfile
from pathlib import Path

import numpy as np
import pytest
from support.clustered import batches, clustered, files_below

from data.errors import UserError
from engines.index import autofaiss_patch
from engines.index.ground_truth import draw_truth
from engines.index.kinds import autofaiss, flat
from engines.index.kinds.autofaiss import Options, build, key_for
from engines.index.recall import measure_recall

VECTORS = clustered(1500)
MAPPABLE = Options(should_be_memory_mappable=True)


@pytest.mark.parametrize(
    ("count", "options", "key"),
    [
        (1, Options(), "Flat"),
        (999, Options(), "Flat"),
        (999, MAPPABLE, "IVF1,Flat"),
        (1000, Options(), "HNSW15"),
        (9_999, Options(), "HNSW15"),
        (9_999, MAPPABLE, "IVF512,Flat"),
        (10_000, Options(), "HNSW32"),
        (50_000, MAPPABLE, "IVF1024,Flat"),
        (500_000, MAPPABLE, "IVF2048,Flat"),
        (7_000_000, Options(), "HNSW32"),
        (8_000_000, Options(), "HNSW12"),
        (8_000_000, MAPPABLE, "OPQ256_768,IVF16384_HNSW32,PQ256x8"),
        (10_700_000, Options(), "OPQ256_768,IVF65536_HNSW32,PQ256x8"),
        (100_000_000, Options(), "OPQ128_640,IVF65536_HNSW32,PQ128x8"),
        (5, Options(index_key="HNSW8"), "HNSW8"),
    ],
)
def test_the_key_is_the_one_autofaiss_would_choose(count: int, options: Options, key: str) -> None:
    assert key_for(count, 512, options) == key


def test_no_key_that_fits_says_what_to_raise() -> None:
    with pytest.raises(UserError, match="max_index_memory_usage"):
        key_for(20_000_000, 512, Options(max_index_memory_usage="50M"))


def test_a_refusal_becomes_an_error_with_its_reason(tmp_path: Path) -> None:
    tight = Options(current_memory_available="1G", max_index_memory_usage="1G")
    with pytest.raises(UserError, match="not have enough memory"):
        build(batches(VECTORS), tmp_path / "v", tight)
    assert files_below(tmp_path) == []


def test_a_key_that_is_none_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Nonsense7"):
        build(batches(VECTORS), tmp_path / "v", Options(index_key="Nonsense7"))
    assert files_below(tmp_path) == []


def test_nothing_is_printed_logged_or_left_in_the_working_folder(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import faiss

    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.chdir(tmp_path)
    handlers, threads = list(logging.getLogger().handlers), faiss.omp_get_max_threads()
    build(batches(VECTORS), tmp_path / "out" / "v", Options(nb_cores=1))
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger().handlers == handlers
    assert faiss.omp_get_max_threads() == threads
    assert files_below(tmp_path) == [
        "out/v/ids.parquet",
        "out/v/index.json",
        "out/v/knn.index",
    ]


def test_the_library_is_as_before_after_an_error() -> None:
    from autofaiss.external import quantize
    from autofaiss.indices import training

    before = quantize.setup_logging, training.index_factory
    with pytest.raises(RuntimeError), autofaiss_patch.patch_autofaiss(lambda *given: None):
        raise RuntimeError
    assert (quantize.setup_logging, training.index_factory) == before


def recall(folder: Path, exact: Path) -> float:
    truth = draw_truth(flat.open_index(exact), None)
    return measure_recall(autofaiss.open_index(folder), truth)["video_recall_at_10"]


def test_sorted_and_mixed_input_train_as_well(tmp_path: Path) -> None:
    vectors = clustered(4500, 16, clusters=60)
    mixed = np.random.default_rng(5).permutation(4500)
    trained = Options(index_key="IVF32,Flat")  # trained on 3,200 of them
    flat.build(batches(vectors), tmp_path / "exact")
    flat.build(batches(vectors[mixed]), tmp_path / "exact_mixed")
    one = build(batches(vectors), tmp_path / "sorted", trained)
    other = build(batches(vectors[mixed]), tmp_path / "mixed", trained)
    assert one.parameters == other.parameters
    assert recall(tmp_path / "sorted", tmp_path / "exact") == pytest.approx(
        recall(tmp_path / "mixed", tmp_path / "exact_mixed"), abs=0.02
    )


def test_inverted_lists_can_give_their_vectors_back(tmp_path: Path) -> None:
    build(batches(VECTORS), tmp_path / "v", MAPPABLE)
    index = autofaiss.open_index(tmp_path / "v")
    rows = index.rows(["v00003", "v01499"])
    np.testing.assert_allclose(index.vectors(rows), VECTORS[[3, 1499]], atol=1e-6)


def test_a_quantised_index_scores_by_exact_vectors_and_grows(tmp_path: Path) -> None:
    from engines.index.batches import Batch
    from engines.index.growth import grow_index

    vectors = clustered(1500, 16)
    built = build(
        batches(vectors), tmp_path / "v", Options(index_key="OPQ4_16,IVF8,PQ4x4", nb_cores=1)
    )
    assert files_below(tmp_path / "v") == ["ids.parquet", "index.json", "knn.index", "vectors.npy"]
    index = autofaiss.open_index(tmp_path / "v")
    scores, rows = index.search(vectors[:20], 5)
    exact = np.einsum("qd,qkd->qk", vectors[:20], index.vectors(rows.ravel()).reshape(20, 5, -1))
    np.testing.assert_allclose(scores, exact, atol=1e-5)
    fresh = clustered(1, 16, seed=99)
    grow_index(autofaiss.open_index(tmp_path / "v"), [Batch(["new"], fresh)], tmp_path / "v2")
    grown = autofaiss.open_index(tmp_path / "v2")
    assert grown.contents[grown.search(fresh, 1)[1]].tolist() == [["new"]]
    assert built.count + 1 == len(grown)


def test_probes_are_asked_instead_of_strangers(tmp_path: Path) -> None:
    easy = build(batches(VECTORS), tmp_path / "a", probes=VECTORS[::30])
    hard = build(batches(VECTORS), tmp_path / "b")
    assert easy.parameters["efSearch"] < hard.parameters["efSearch"]


def test_tuning_by_time_is_left_to_autofaiss(tmp_path: Path) -> None:
    timed = Options(index_key="IVF4,Flat", max_index_query_time_ms=1.0)
    built = build(batches(VECTORS), tmp_path / "v", timed)
    assert (built.parameters, built.figures) == ({}, {})
    assert 1 <= autofaiss.open_index(tmp_path / "v").faiss.nprobe <= 4


def test_asking_for_a_gpu_gives_the_same_index_where_there_is_none(tmp_path: Path) -> None:
    one = build(batches(VECTORS), tmp_path / "a", Options(index_key="IVF16,Flat", use_gpu=True))
    other = build(batches(VECTORS), tmp_path / "b", Options(index_key="IVF16,Flat"))
    assert (one.parameters, one.count) == (other.parameters, other.count)
