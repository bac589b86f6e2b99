"""How many GPUs a run takes; that it waits for them is tested on a server, in test_service.py."""

import pytest

from data.settings import Settings
from tasks import gpus
from tasks import workers as runners


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
    assert runners.gpus_of(Settings(**settings), workers) == count


def test_outside_of_a_flow_run_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "get_client", lambda **_: pytest.fail("a server was asked"))
    with gpus.gpus_held(8, 0.0):
        pass


def test_of_processes_that_were_launched_together_the_first_leads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert gpus.leads()
    monkeypatch.setenv("RANK", "0")
    assert gpus.leads()
    monkeypatch.setenv("RANK", "1")
    assert not gpus.leads()
