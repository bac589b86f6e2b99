"""How many workers and GPUs a run has."""

from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from data.errors import UserError
from data.settings import Settings
from data.specs.evaluate import EvaluateSpec
from tasks import workers as runners
from tasks.answer.setup import build_answer_setup
from tasks.service.runner import choose_runner


@pytest.mark.parametrize(
    ("settings", "workers", "count"),
    [
        ({"gpus": 0}, 4, 0),
        ({"gpus": 2}, 2, 2),
        ({"gpus": 1, "gpus_per_worker": 0.5}, 2, 1),
        ({"gpus": 2, "gpus_per_worker": 0.5}, 3, 2),
        ({"gpus": 4, "gpus_per_worker": 2.0}, 2, 4),
    ],
)
def test_a_gpu_that_is_taken_in_part_is_taken(settings: dict, workers: int, count: int) -> None:
    assert runners.count_gpus_held(Settings(**settings), workers) == count


@pytest.mark.parametrize(("gigabytes", "workers"), [(1, 1), (10, 3), (1000, 8)])
def test_evaluating_takes_a_core_a_worker_and_no_more_than_half_of_the_memory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, gigabytes: int, workers: int
) -> None:
    monkeypatch.setattr(runners, "count_gpus", lambda: 0)
    monkeypatch.setattr(runners, "count_cores", lambda: 8)
    memory = SimpleNamespace(total=gigabytes << 30)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    (tmp_path / "small.pth").write_bytes(bytes(1 << 20))
    spec = EvaluateSpec(weights={"raft": str(tmp_path / "small.pth"), "clip": "/not/there"})
    assert runners.count_evaluate_workers(Settings(), spec) == workers
    assert runners.count_evaluate_workers(Settings(), spec, videos=3) == 1
    assert runners.count_evaluate_workers(Settings(workers=5), spec, videos=3) == 5


@pytest.mark.parametrize(
    ("settings", "workers", "runner"),
    [
        ({}, 1, "process"),
        ({}, 2, "ray"),
        ({"ray_address": "auto"}, 1, "ray"),
        ({"runner": "ray"}, 1, "ray"),
        ({"runner": "process"}, 1, "process"),
        ({"runner": "in_process", "ray_address": "auto"}, 4, "in_process"),
    ],
)
def test_ray_starts_where_it_has_workers_to_place(
    settings: dict, workers: int, runner: str
) -> None:
    assert choose_runner(Settings(**settings), workers) == runner


def test_one_process_is_not_said_to_be_several_workers() -> None:
    with pytest.raises(UserError, match="--workers 1"):
        choose_runner(Settings(runner="process"), 4)


def test_a_server_and_its_key_reach_workers_and_the_key_no_log() -> None:
    settings = Settings(server="http://localhost:8000/v1", api_key="sk-secret")
    for setup in (runners.build_annotate_setup(settings), build_answer_setup(settings)):
        assert (setup.server, setup.api_key) == ("http://localhost:8000/v1", "sk-secret")
        assert "sk-secret" not in repr(setup)
    assert "sk-secret" not in repr(settings)
