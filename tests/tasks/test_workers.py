"""How many workers a machine is given."""

from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from data.settings import Settings
from data.specs.evaluate import EvaluateSpec
from tasks import workers as runners


@pytest.mark.parametrize(("gigabytes", "workers"), [(1, 1), (10, 3), (1000, 8)])
def test_evaluating_takes_a_core_a_worker_and_no_more_than_half_of_the_memory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, gigabytes: int, workers: int
) -> None:
    monkeypatch.setattr(runners, "gpus", lambda: 0)
    monkeypatch.setattr(runners, "cores", lambda: 8)
    memory = SimpleNamespace(total=gigabytes << 30)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    (tmp_path / "small.pth").write_bytes(bytes(1 << 20))
    spec = EvaluateSpec(weights={"raft": str(tmp_path / "small.pth"), "clip": "/not/there"})
    assert runners.evaluate_workers(Settings(), spec) == workers
    assert runners.evaluate_workers(Settings(workers=5), spec) == 5
