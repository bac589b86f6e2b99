"""Tests that clip-video-encode's files are read, and that faulty ones become typed failures."""

import io
import json
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
from support.traced import trace_peak

from data.errors import UserError
from data.outcome import Done, Failed, Outcome
from engines.generate.ragme.export_files import write_video
from engines.generate.ragme.import_files import ORIGIN, EncodedVideo, read_encoded

RNG = np.random.default_rng(0)
FRAMES = RNG.normal(size=(4, 8)).astype(np.float32)


def npy(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def put(folder: Path, **files: bytes) -> Path:
    """Files whose names have `_` for the dot."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / ".".join(name.rsplit("_", 1))).write_bytes(content)
    return folder


def read(src: object) -> list[Outcome[EncodedVideo]]:
    return list(read_encoded(str(src)))


def failure(src: object) -> Failed:
    (found,) = read(src)
    assert isinstance(found, Failed)
    return found


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_what_was_written_is_read_back(tmp_path: Path, dtype: str) -> None:
    ids = ["b", "a/../b", "🦊 " * 100, "v1.2", "a-b", "a"]
    for i, id in enumerate(ids):
        record = {"txt": f"text {i}", "videoID": id, "videoLoc": f"{i}.mp4", "fps": 25}
        write_video(str(tmp_path), id, FRAMES + i, record, dtype)  # type: ignore[arg-type]
    found = read(tmp_path)
    assert sorted(outcome.id for outcome in found) == sorted(ids)
    for outcome in found:
        assert isinstance(outcome, Done)
        i = ids.index(outcome.id)
        assert outcome.value.frames.dtype == dtype
        assert np.array_equal(outcome.value.frames, (FRAMES + i).astype(dtype))
        expected = {"txt": f"text {i}", "videoID": ids[i], "videoLoc": f"{i}.mp4", "fps": 25}
        assert outcome.value.record == expected


def test_a_file_alone_gives_its_name_as_the_id(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    put(tmp_path / "sub", **{"v1.2_npy": npy(FRAMES), "v1.2_txt": b"words\n"})
    (found,) = read(tmp_path)
    assert isinstance(found, Done)
    assert found.value.record == {"txt": "words", "videoID": "sub/v1.2", "videoLoc": None}


@pytest.mark.parametrize("name", ["000000000.tar", "00003_clip_embeddings.tar"])
def test_tars_of_both_names_are_read(tmp_path: Path, name: str) -> None:
    with tarfile.open(tmp_path / name, "w") as tar:
        for id in ("a", "b"):
            described = json.dumps({"caption": f"text {id}", "videoID": 7 if id == "b" else "a"})
            files = {"npy": npy(FRAMES), "txt": b"x", "json": described.encode(), "mp4": b"..."}
            for ending, body in files.items():
                info = tarfile.TarInfo(f"{id}.{ending}")
                info.size = len(body)
                tar.addfile(info, io.BytesIO(body))
    for src in (tmp_path, tmp_path / name, tmp_path / "*.tar"):
        found = read(src)
        assert [outcome.id for outcome in found] == ["a", "7"]
        assert all(isinstance(outcome, Done) for outcome in found)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[:3600])
    first, *_, last = read(tmp_path)
    assert first.id == "a"
    assert isinstance(last, Failed) and last.reason == "undecodable"


@pytest.mark.parametrize("other", [FRAMES.astype(np.float16), FRAMES[:, :4]])
def test_vectors_of_two_kinds_are_refused_with_both_names(
    tmp_path: Path, other: np.ndarray
) -> None:
    put(tmp_path, a_npy=npy(FRAMES), b_npy=npy(FRAMES), c_npy=npy(other))
    with pytest.raises(UserError, match=r"a\.npy.*c\.npy"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (npy(FRAMES[0]), "rejected"),
        (npy(np.zeros((2, 3, 4), np.float32)), "rejected"),
        (npy(np.zeros((2, 3), np.int64)), "rejected"),
        (npy(np.array([[{}]], dtype=object)), "rejected"),
        (npy(np.zeros((0, 8), np.float32)), "empty"),
        (npy(FRAMES)[:-1], "undecodable"),
        (npy(FRAMES)[:20], "undecodable"),
        (npy(FRAMES).replace(b"(4, 8)", b"(9**9,8"), "undecodable"),
        (npy(FRAMES).replace(b"(4, 8),", b"(4,8**9"), "undecodable"),
        (b"", "undecodable"),
        (b"<html>", "undecodable"),
        (pickle.dumps([1]), "undecodable"),
    ],
)
def test_what_is_no_array_of_frames_is_a_typed_failure(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    put(tmp_path, a_npy=content, a_json=b'{"videoID": "A"}')
    found = failure(tmp_path)
    assert (found.id, found.reason) == ("A", reason)
    assert "a.npy" in found.detail


def test_a_header_that_promises_too_much_allocates_nothing(tmp_path: Path) -> None:
    put(tmp_path, a_npy=npy(FRAMES).replace(b"(4, 8), }      ", b"(4, 80000000), }"))
    assert failure(tmp_path).reason == "undecodable"
    assert trace_peak(failure, tmp_path) < 1 << 20


def test_a_record_without_its_vectors_is_a_failure(tmp_path: Path) -> None:
    put(tmp_path, a_json=b'{"videoID": "A"}')
    assert (failure(tmp_path).id, failure(tmp_path).reason) == ("A", "missing")


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff"])
def test_a_malformed_record_is_a_failure(tmp_path: Path, content: bytes) -> None:
    put(tmp_path, a_npy=npy(FRAMES), a_json=content)
    assert (failure(tmp_path).id, failure(tmp_path).reason) == ("a", "rejected")


def test_fortran_order_and_big_endian_are_read_right(tmp_path: Path) -> None:
    put(tmp_path, a_npy=npy(np.asfortranarray(FRAMES)), b_npy=npy(FRAMES.astype(">f4")))
    for found in read(tmp_path):
        assert isinstance(found, Done)
        assert np.array_equal(found.value.frames, FRAMES)
        assert found.value.frames.dtype.isnative


@pytest.mark.parametrize("name", ["", "nothing", "nothing.tar", "*.npy"])
def test_nothing_to_read_says_so(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError):
        read(f"{tmp_path}/{name}")


def test_what_is_not_known_of_the_frames_is_said() -> None:
    assert ORIGIN["channel_order"] == ORIGIN["resize"] == "unknown"
