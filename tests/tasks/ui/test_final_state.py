"""The state in which a run with many failures ends."""

import httpx
import pytest
from prefect import flow
from prefect.client.orchestration import get_client

from tasks.ui.final_state import NAME, finish_run
from tasks.ui.hooks import HOOKS

FEW, MANY = ({"done": 95, "failed": {"empty": failed}} for failed in (5, 6))
STAGES = {"embed": MANY, "pool": {"shards": 1}}


@flow(**HOOKS)
def embed(summary: dict) -> dict:
    return finish_run(summary, {"embed": summary}, 0.05)


@flow(**HOOKS)
def pipeline(summary: dict) -> dict:
    stages = {"embed": embed(summary), "pool": {"shards": 1}}
    return finish_run(stages, stages, 0.05)


@pytest.mark.parametrize(("summary", "named"), [(FEW, False), (MANY, True)])
def test_more_failures_than_usual_show_in_the_state_of_the_run(
    prefect_backend: None, summary: dict, named: bool
) -> None:
    for run, result in ((embed, summary), (pipeline, {**STAGES, "embed": summary})):
        ended = run(summary, return_state=True)
        assert ended.is_completed() and ended.result() == result
        with get_client(sync_client=True) as client:
            state = client.read_flow_run(ended.state_details.flow_run_id).state
        assert state is not None and state.is_completed()
        assert (state.name == NAME) is named
        assert ("6 of 101" in (state.message or "")) is named


def test_a_result_outlives_answers_of_the_server_that_are_lost(
    prefect_backend: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    send, lost = httpx.Client.send, []

    def send_twice(self, request, **options):  # what Prefect's client does on 503 and time-outs
        if request.url.path.endswith("/set_state") and b"COMPLETED" in request.content:
            lost.append(send(self, request, **options).status_code)
        return send(self, request, **options)

    monkeypatch.setattr(httpx.Client, "send", send_twice)
    assert pipeline(MANY) == STAGES
    assert len(lost) >= 2


def test_outside_of_a_run_the_result_is_the_result() -> None:
    assert finish_run(MANY, {"embed": MANY}, 0.05) is MANY
