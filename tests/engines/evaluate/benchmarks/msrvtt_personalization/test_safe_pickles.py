"""Pickles from elsewhere: what is in them comes out, and nothing of them runs."""

import gzip
import io
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from engines.evaluate.benchmarks.msrvtt_personalization import safe_pickles


def packed(value: object, protocol: int = 4) -> bytes:
    return gzip.compress(pickle.dumps(value, protocol=protocol))


class Payload:
    """Unpickled as usual, it makes a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self):
        return os.system, (f"touch {self.file}",)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_arrays_come_out_of_every_protocol(protocol: int) -> None:
    mask = np.eye(5, dtype=bool)
    entry = {"filename": "frame1.jpg", "mask": mask, "box_xyxy": np.arange(4), "n": np.int64(3)}
    found = safe_pickles.load_arrays(packed({"a man": [entry]}, protocol))["a man"][0]
    assert np.array_equal(found["mask"], mask)
    assert found["mask"].dtype == bool
    assert found["box_xyxy"].tolist() == [0, 1, 2, 3]
    assert (found["n"], found["filename"]) == (3, "frame1.jpg")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bool, torch.int64])
def test_tensors_come_out_as_they_were(dtype: torch.dtype) -> None:
    whole = torch.arange(12).reshape(3, 4).to(dtype)
    found = safe_pickles.load_tensors(
        packed({"whole": whole, "turned": whole.T, "part": whole[1:]})
    )
    for name, tensor in {"whole": whole, "turned": whole.T, "part": whole[1:]}.items():
        assert torch.equal(found[name], tensor)


@pytest.mark.parametrize("read", [safe_pickles.load_arrays, safe_pickles.load_tensors])
def test_a_payload_is_refused_and_never_runs(read, tmp_path: Path) -> None:
    file = tmp_path / "ran"
    with pytest.raises(safe_pickles.UnsafePickle, match="system"):
        read(packed({"man": [Payload(file)]}))
    assert not file.exists()


def test_a_payload_in_a_pt_file_or_in_a_storage_never_runs(tmp_path: Path) -> None:
    file, content = tmp_path / "ran", io.BytesIO()
    torch.save(Payload(file), content)
    with pytest.raises(safe_pickles.UnsafePickle):
        safe_pickles.load_tensor(content.getvalue())
    with pytest.raises(safe_pickles.UnsafePickle):
        safe_pickles.load_tensors(packed(_Storage(pickle.dumps(Payload(file)))))
    assert not file.exists()


class _Storage:
    def __init__(self, content: bytes) -> None:
        self.content = content

    def __reduce__(self):
        return torch.storage._load_from_bytes, (self.content,)


def test_tensors_are_no_arrays() -> None:
    with pytest.raises(safe_pickles.UnsafePickle, match="torch"):
        safe_pickles.load_arrays(packed({"man": torch.ones(2)}))


def test_a_file_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safe_pickles, "LARGEST", 1 << 20)
    with pytest.raises(safe_pickles.UnsafePickle, match="more than 1 MB"):
        safe_pickles.load_arrays(gzip.compress(bytes(2 << 20)))
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(2 << 20))
    with pytest.raises(safe_pickles.UnsafePickle, match="more than 1 MB"):
        safe_pickles.load_tensor(bomb.getvalue())


def test_a_tensor_larger_than_its_numbers_is_refused() -> None:
    said = (
        torch._utils._rebuild_tensor_v2,
        (torch.ones(2).storage(), 0, (1 << 40,), (0,), False, {}),
    )
    with pytest.raises(safe_pickles.UnsafePickle, match="larger"):
        safe_pickles.load_tensors(packed(_Called(*said)))


class _Called:
    def __init__(self, function, arguments) -> None:
        self.called = function, arguments

    def __reduce__(self):
        return self.called


@pytest.mark.parametrize(
    "content",
    [b"", b"no gzip", gzip.compress(b""), packed({})[:-3]],
    ids=["nothing", "no gzip", "empty", "torn"],  # compressed bytes tell the time
)
def test_what_is_not_whole_is_refused(content: bytes) -> None:
    with pytest.raises(safe_pickles.UnsafePickle):
        safe_pickles.load_arrays(content)
    with pytest.raises(safe_pickles.UnsafePickle):
        safe_pickles.load_tensor(content)
