"""The contract that every index plugin must keep; plugins are found by listing the folder."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.clustered import batches, clustered, files_below, named

import engines.index
from data.errors import UserError
from engines.base import load_plugin
from engines.index import version
from engines.index.batches import Batch
from engines.index.ground_truth import draw_truth
from engines.index.growth import grow_index
from engines.index.recall import check_gate, measure_recall

FOLDER = Path(engines.index.kinds.__file__).parent
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")
VECTORS = clustered(2000)


@pytest.fixture(scope="module", params=NAMES)
def kind(request: pytest.FixtureRequest) -> ModuleType:
    return load_plugin("index.kinds", request.param)


@pytest.fixture(scope="module")
def folder(kind: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("index") / "v1"
    kind.build(batches(VECTORS), out, about={"sources": ["pool/abc"]})
    return out


def test_names_are_found() -> None:
    assert {"flat", "autofaiss"} <= set(NAMES)


def test_a_version_holds_three_files_and_nothing_is_left_beside_it(folder: Path) -> None:
    assert files_below(folder.parent) == ["v1/ids.parquet", "v1/index.json", "v1/knn.index"]


def test_the_ids_file_has_one_row_for_each_vector(folder: Path) -> None:
    table = pq.read_table(folder / "ids.parquet")
    assert table.schema.names == ["row", "video_id", "content"]
    assert table["row"].to_pylist() == list(range(2000))
    assert sorted(table["video_id"].to_pylist()) == named(2000)


def test_index_json_says_what_was_built_and_from_what(kind: ModuleType, folder: Path) -> None:
    about = version.read_about(folder)
    assert about["key"] == kind.key_for(2000, 32, kind.Options())
    assert (about["count"], about["dim"], about["sources"]) == (2000, 32, ["pool/abc"])


def test_what_is_learnt_later_is_noted_beside_what_was_known(folder: Path) -> None:
    version.update_about(folder, {"recall": {"video_recall_at_10": 0.99}})
    about = version.read_about(folder)
    assert about["recall"] == {"video_recall_at_10": 0.99}
    assert about["sources"] == ["pool/abc"]


def test_each_row_keeps_the_vector_of_its_id(kind: ModuleType, folder: Path) -> None:
    index = kind.open_index(folder)
    rows = index.rows(["v00007", "v01999", "nobody"])
    assert rows[2] == -1
    np.testing.assert_allclose(index.vectors(rows[:2]), VECTORS[[7, 1999]], atol=1e-6)
    assert index.vectors(np.array([], dtype=np.int64)).shape == (0, 32)


def test_search_finds_each_vector_by_itself(kind: ModuleType, folder: Path) -> None:
    index = kind.open_index(folder)
    scores, rows = index.search(VECTORS[::40], 3)
    assert scores.shape == rows.shape == (50, 3)
    assert scores.dtype == np.float32 and rows.dtype == np.int64
    assert index.contents[rows[:, 0]].tolist() == named(2000)[::40]
    np.testing.assert_allclose(scores[:, 0], 1.0, atol=1e-5)


def test_recall_passes_the_gate(kind: ModuleType, folder: Path, tmp_path: Path) -> None:
    flat = load_plugin("index.kinds", "flat")
    flat.build(batches(VECTORS), tmp_path / "exact")
    texts = clustered(100, seed=9)
    truth = draw_truth(flat.open_index(tmp_path / "exact"), texts)
    check_gate(measure_recall(kind.open_index(folder), truth))


def test_asking_for_more_than_there_is_leaves_slots_unfilled(
    kind: ModuleType, tmp_path: Path
) -> None:
    kind.build(batches(VECTORS[:3]), tmp_path / "v")
    scores, rows = kind.open_index(tmp_path / "v").search(VECTORS[:1], 5)
    assert (rows[0, 3:] == -1).all() and np.isneginf(scores[0, 3:]).all()
    assert sorted(rows[0, :3]) == [0, 1, 2]


def test_a_filter_of_one_row_finds_that_row(kind: ModuleType, folder: Path) -> None:
    _, rows = kind.open_index(folder).search(VECTORS[:2], 3, allowed=np.array([1234]))
    assert rows.tolist() == [[1234, -1, -1], [1234, -1, -1]]


def test_added_vectors_are_found_and_the_old_version_stays(
    kind: ModuleType, folder: Path, tmp_path: Path
) -> None:
    fresh = clustered(5, seed=77)
    before = (folder / "knn.index").read_bytes()
    built = grow_index(
        kind.open_index(folder), [Batch([f"new{n}" for n in range(5)], fresh)], tmp_path / "v2"
    )
    index = kind.open_index(tmp_path / "v2")
    _, rows = index.search(fresh, 1)
    assert index.contents[rows[:, 0]].tolist() == [f"new{n}" for n in range(5)]
    assert (built.count, len(index), len(kind.open_index(folder))) == (2005, 2005, 2000)
    assert (folder / "knn.index").read_bytes() == before


def test_an_id_that_is_there_is_not_added_again(kind: ModuleType, folder: Path) -> None:
    index = kind.open_index(folder)
    with pytest.raises(UserError, match="'v00001'"):
        index.add(VECTORS[1:2], ["v00001"])
    assert len(index) == len(index.contents) == 2000


def test_vectors_of_another_model_are_not_added(kind: ModuleType, folder: Path) -> None:
    index = kind.open_index(folder)
    with pytest.raises(UserError, match="dimensions"):
        index.add(np.ones((1, 8)), ["wide"])
    assert len(index) == 2000


def test_a_file_cut_short_says_rebuild(kind: ModuleType, tmp_path: Path) -> None:
    kind.build(batches(VECTORS[:100]), tmp_path / "v")
    path = tmp_path / "v" / "knn.index"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UserError, match="rebuild with reelflow index"):
        kind.open_index(tmp_path / "v")


def test_counts_that_differ_say_rebuild(kind: ModuleType, tmp_path: Path) -> None:
    kind.build(batches(VECTORS[:10]), tmp_path / "v")
    ids = tmp_path / "v" / "ids.parquet"
    pq.write_table(pq.read_table(ids).slice(0, 9), ids)
    with pytest.raises(UserError, match=r"10 .* 9\b.*rebuild with reelflow index"):
        kind.open_index(tmp_path / "v")


@pytest.mark.parametrize("name", ["knn.index", "ids.parquet", "index.json"])
def test_a_missing_file_is_named(kind: ModuleType, tmp_path: Path, name: str) -> None:
    kind.build(batches(VECTORS[:10]), tmp_path / "v")
    (tmp_path / "v" / name).unlink()
    with pytest.raises(UserError, match=f"{name}.*rebuild with reelflow index"):
        kind.open_index(tmp_path / "v")


@pytest.mark.parametrize(
    ("stream", "named"),
    [
        ([], "embed and pool"),
        ([Batch(["a"], np.zeros((1, 4)))], "'a'"),
        ([Batch(["a", "b"], np.array([[1.0, 0], [np.nan, 1]]))], "'b'"),
        ([Batch(["a"], np.ones((1, 4))), Batch(["b"], np.ones((1, 5)))], "5 dimensions"),
        ([Batch(["a", "a"], np.ones((2, 4)))], "'a'"),
    ],
)
def test_what_cannot_be_indexed_leaves_nothing_behind(
    kind: ModuleType, tmp_path: Path, stream: list[Batch], named: str
) -> None:
    with pytest.raises(UserError, match=named):
        kind.build(stream, tmp_path / "v")
    assert list(tmp_path.iterdir()) == []


def test_a_version_is_never_written_over(kind: ModuleType, folder: Path) -> None:
    with pytest.raises(UserError, match="another name"):
        kind.build(batches(VECTORS[:10]), folder)


def test_half_precision_and_any_length_become_unit_float32(
    kind: ModuleType, tmp_path: Path
) -> None:
    kind.build([Batch(["a", "b"], np.array([[3, 4], [0, 2]], np.float16))], tmp_path / "v")
    index = kind.open_index(tmp_path / "v")
    stored = index.vectors(index.rows(["a", "b"]))
    assert stored.dtype == np.float32
    np.testing.assert_allclose(stored, [[0.6, 0.8], [0, 1]], atol=1e-6)


def test_contents_and_any_id_travel_with_their_rows(kind: ModuleType, tmp_path: Path) -> None:
    odd = ["../up", "a b/ç", "🎬" * 99]
    kind.build([Batch(odd, np.eye(3), ["c0", None, "c2"])], tmp_path / "v")
    table = pq.read_table(tmp_path / "v" / "ids.parquet").to_pylist()
    assert {row["video_id"]: row["content"] for row in table} == dict(
        zip(odd, ["c0", None, "c2"], strict=True)
    )
    assert sorted(kind.open_index(tmp_path / "v").contents.tolist()) == sorted(["c0", odd[1], "c2"])


def test_parquet_files_with_a_vector_column_are_read(kind: ModuleType, tmp_path: Path) -> None:
    from engines.index.batches import read_parquet

    column = pa.FixedSizeListArray.from_arrays(pa.array(VECTORS[:50].ravel()), 32)
    table = pa.table({"video_id": named(50), "frames": [1] * 50, "vector": column})
    pq.write_table(table, tmp_path / "pooled.parquet")
    kind.build(read_parquet([tmp_path / "pooled.parquet"], rows=8), tmp_path / "v")
    index = kind.open_index(tmp_path / "v")
    np.testing.assert_allclose(index.vectors(index.rows(named(50))), VECTORS[:50], atol=1e-6)


def test_the_same_vectors_give_the_same_bytes(
    kind: ModuleType, folder: Path, tmp_path: Path
) -> None:
    kind.build(batches(VECTORS, size=311), tmp_path / "again")
    for name in ("knn.index", "ids.parquet"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()
