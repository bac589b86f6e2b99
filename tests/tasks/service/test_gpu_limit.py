"""The GPU limit outside of a server; that runs wait for each other is in test_service.py."""

import pytest

from tasks.service import gpu_limit


def test_outside_of_a_flow_run_nothing_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_limit, "get_client", lambda **_: pytest.fail("a server was asked"))
    with gpu_limit.hold_gpus(8, 0.0):
        pass


def test_of_processes_that_were_launched_together_the_first_leads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert gpu_limit.is_main_process()
    monkeypatch.setenv("RANK", "0")
    assert gpu_limit.is_main_process()
    monkeypatch.setenv("RANK", "1")
    assert not gpu_limit.is_main_process()
