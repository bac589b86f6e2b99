"""The state in which a run with many failures ends."""

import pytest
from prefect import flow

from tasks.ui.final_state import NAME, finish_run

FEW, MANY = ({"done": 95, "failed": {"empty": failed}} for failed in (5, 6))


@pytest.mark.parametrize(("summary", "named"), [(FEW, False), (MANY, True)])
def test_more_failures_than_usual_show_in_the_state_of_the_run(
    prefect_backend: None, summary: dict, named: bool
) -> None:
    @flow
    def embed() -> dict:
        return finish_run(summary, {"embed": summary}, 0.05)

    @flow
    def pipeline() -> dict:
        stages = {"embed": embed(), "pool": {"shards": 1}}
        return finish_run(stages, stages, 0.05)

    for run, result in ((embed, summary), (pipeline, {"embed": summary, "pool": {"shards": 1}})):
        state = run(return_state=True)
        assert state.is_completed() and state.result() == result
        assert (state.name == NAME) is named
        assert ("6 of 101" in (state.message or "")) is named
    assert pipeline() == {"embed": summary, "pool": {"shards": 1}}


def test_outside_of_a_run_the_result_is_the_result() -> None:
    assert finish_run(MANY, {"embed": MANY}, 0.05) is MANY
