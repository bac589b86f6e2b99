"""An interpolator of one's own: run only where its digest is vouched for."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from data.errors import UserError
from data.specs.evaluate import EvaluateSpec
from engines.evaluate.models import interpolator


class Average(torch.nn.Module):
    def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        assert first.shape[2] % 16 == 0 and first.shape[3] % 16 == 0
        return (first + second) / 2


class Half(torch.nn.Module):
    def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return first[:, :, ::2]


def saved(net: torch.nn.Module, folder: Path, trusted: bool = True) -> str:
    file = folder / interpolator.FILE
    torch.jit.script(net).save(str(file))
    if trusted:
        said = subprocess.run(["sha256sum", file], capture_output=True, check=True).stdout
        Path(f"{file}.sha256").write_bytes(said)
    return str(file)


def pairs(count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (count + 1, 20, 33, 3), dtype=np.uint8)
    return frames[:-1], frames[1:]


def test_the_middle_of_each_pair_has_their_size(tmp_path: Path) -> None:
    model = interpolator.load(EvaluateSpec(), saved(Average(), tmp_path))
    earlier, later = pairs(6)
    found = model.interpolate_pairs(earlier, later)
    assert found.shape == (6, 20, 33, 3) and found.dtype == np.float32
    assert np.abs(found - (earlier.astype(float) + later) / 2).max() < 1e-4
    assert model.interpolate_pairs(earlier[:0], later[:0]).shape == (0, 20, 33, 3)


def test_a_program_that_nobody_vouches_for_is_not_run(tmp_path: Path) -> None:
    file = saved(Average(), tmp_path, trusted=False)
    with pytest.raises(UserError, match=r"sha256sum .*interpolator\.pt > .*\.sha256"):
        interpolator.load(EvaluateSpec(), file)


def test_a_program_that_was_changed_since_is_not_run(tmp_path: Path) -> None:
    file = saved(Average(), tmp_path)
    with open(file, "ab") as end:
        end.write(b"more")
    with pytest.raises(UserError, match="SHA-256"):
        interpolator.load(EvaluateSpec(), file)


def test_what_is_no_program_says_so(tmp_path: Path) -> None:
    file = tmp_path / interpolator.FILE
    torch.save({"weight": torch.zeros(1)}, file)
    digest = subprocess.run(["sha256sum", file], capture_output=True, check=True).stdout
    Path(f"{file}.sha256").write_bytes(digest)
    with pytest.raises(UserError, match="TorchScript"):
        interpolator.load(EvaluateSpec(), str(file))


def test_a_program_that_gives_other_pictures_says_so(tmp_path: Path) -> None:
    model = interpolator.load(EvaluateSpec(), saved(Half(), tmp_path))
    with pytest.raises(UserError, match="same shape"):
        model.interpolate_pairs(*pairs(1))
