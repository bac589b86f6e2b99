"""Tests that RAGME's scripts can read what is written, with nothing but numpy and json."""

import json
from pathlib import Path

import numpy as np
import pytest

from data.records import Hit
from engines.generate.ragme.export_files import (
    neighbours_folder,
    write_list,
    write_neighbours,
    write_pooled,
    write_prompt,
    write_video,
)

FRAMES = np.random.default_rng(0).normal(size=(3, 512))


def record(id: str) -> dict[str, object]:
    return {"txt": "a red circle", "videoID": id, "videoLoc": f"/videos/{id}.mp4"}


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_a_video_is_two_files_as_clip_video_encode_writes_them(tmp_path: Path, dtype: str) -> None:
    write_video(str(tmp_path), "video1", np.asfortranarray(FRAMES), record("video1"), dtype)  # type: ignore[arg-type]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["video1.json", "video1.npy"]
    array = np.load(tmp_path / "video1.npy")
    assert (array.shape, array.dtype, array.flags.c_contiguous) == ((3, 512), dtype, True)
    assert np.array_equal(array, FRAMES.astype(dtype))
    text = (tmp_path / "video1.json").read_text()
    assert text == json.dumps(record("video1"), indent=4)
    assert list(json.loads(text)) == ["txt", "videoID", "videoLoc"]


@pytest.mark.parametrize("id", ["../../up", "/etc/x", "v1.2", "🦊 " * 100, "", "..", "a\0b", "a/b"])
def test_no_id_leaves_the_folder_and_the_json_has_it_whole(tmp_path: Path, id: str) -> None:
    dest = tmp_path / "out"
    name = write_video(str(dest), id, FRAMES, record(id))
    assert sorted(path.name for path in dest.iterdir()) == [f"{name}.json", f"{name}.npy"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert json.loads((dest / f"{name}.json").read_text())["videoID"] == id
    assert "." not in name


def test_no_caption_is_written_as_no_words(tmp_path: Path) -> None:
    write_video(str(tmp_path), "a", FRAMES, {"txt": None, "videoID": "a", "videoLoc": "x"})
    assert json.loads((tmp_path / "a.json").read_text())["txt"] == ""


def test_vectors_of_another_shape_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="shape"):
        write_video(str(tmp_path), "a", FRAMES[0], record("a"))


def test_a_listed_row_leads_to_its_record(tmp_path: Path) -> None:
    """The scripts take row i of the index for line i, and replace the line's suffix."""
    ids = ["b", "a.b", "a-b", "a", "a/b"]
    for i, id in enumerate(ids):
        write_video(str(tmp_path / "frames"), id, FRAMES, record(id))
        write_pooled(str(tmp_path / "pooled"), id, np.full(512, i))
    write_list(str(tmp_path / "list.txt"), str(tmp_path / "frames"), ids)
    rows = sorted((tmp_path / "pooled").glob("*.npy"), key=str)
    lines = (tmp_path / "list.txt").read_text().splitlines(keepends=True)
    for row, line in zip(rows, lines, strict=True):
        pooled = np.load(row)
        found = json.loads(Path(line.replace(line[line.rindex(".") :], ".json")).read_text())
        assert pooled.shape == (1, 512)
        assert found["videoID"] == ids[int(pooled[0, 0])]


def test_neighbours_lie_where_inference_looks_for_them(tmp_path: Path) -> None:
    vector = np.ones((1, 512))
    write_prompt(str(tmp_path / "embeddings"), "000", " a red circle\n", vector)
    hits = [
        Hit("000", "a red circle", 2, "b/c", 0.25, "/v/b.mp4", None),
        Hit("000", "a red circle", 1, "a", 0.5, "/v/a.mp4", "a circle"),
    ]
    write_neighbours(str(tmp_path / neighbours_folder(5, 1.01, 0.98)), "000", hits)
    (prompt,) = (tmp_path / "embeddings").glob("*.json")
    assert json.loads(prompt.read_text()) == {"txt": "a red circle"}
    assert np.load(prompt.with_suffix(".npy")).shape == (1, 512)
    found = tmp_path / "nearest_neighbors" / "nn_5-rad_1.01-dedup_0.98" / prompt.name
    assert json.loads(found.read_text()) == {
        "videoID": ["a", "b/c"],
        "txt": ["a circle", ""],
        "videoLoc": ["/v/a.mp4", "/v/b.mp4"],
        "dist": ["0.5", "0.25"],
    }


def test_any_fsspec_url_can_be_written() -> None:
    import fsspec

    write_video("memory://ragme/out", "a", FRAMES, record("a"))
    assert fsspec.filesystem("memory").exists("/ragme/out/a.npy")
