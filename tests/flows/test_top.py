"""`reelflow top` as an operator reads it."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from prefect import get_client
from prefect.settings import PREFECT_API_URL
from prefect.states import Scheduled
from support.corpora import FAKE

from flows.cli.top_page import _format_name
from flows.embed import embed
from flows.ingest import ingest
from tasks.browse.prefect_runs import read_flow_runs
from tasks.service.top import Run

pytestmark = pytest.mark.usefixtures("prefect_backend")


def test_a_page_and_its_figures(reelflow) -> None:
    ingest("fake://6?undecodable=2", "topped")
    embed("topped", FAKE)
    code, page, _ = reelflow("top")
    assert code == 0
    for said in ("finished", "embed-topped", "Completed", "2 failed", "undecodable 2", "memory"):
        assert said in page
    code, figures, _ = reelflow("top", "--json")
    said = json.loads(figures)
    assert code == 0
    assert said["server"]["finished"][0]["name"] == "embed-topped"
    assert said["server"]["failures"]["topped"] == {"undecodable": 2}
    assert said["machine"]["memory"] > said["machine"]["memory_used"] > 0
    with get_client(sync_client=True) as client:
        later = Scheduled(scheduled_time=datetime.now(UTC) + timedelta(days=1))
        client.create_flow_run(embed, "to-come", {"corpus": "topped"}, state=later)
    seen = read_flow_runs(str(PREFECT_API_URL.value()))  # as the page to look around lists them
    assert seen.fault is None and all(each.started for each in seen.runs)
    run = next(each for each in seen.runs if each.name == "embed-topped")
    assert run.state.startswith("Completed")  # its name, "... with failures", may come later
    assert run.address.startswith(f"{seen.address}/runs/flow-run/")


def test_a_server_that_does_not_answer_is_one_line(reelflow) -> None:
    from prefect.settings import temporary_settings

    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        code, said, error = reelflow("top")
    assert (code, said) == (1, "")
    assert error.startswith("reelflow: ") and "http://127.0.0.1:9/api" in error
    assert error.count("\n") == 1


def test_a_run_to_come_is_named_with_its_corpus() -> None:
    to_come = Run("1", "teal-swift", "cats", "Scheduled", None, 0.0, "")
    assert _format_name(to_come) == "teal-swift (cats)"
    assert _format_name(replace(to_come, name="pipeline-cats")) == "pipeline-cats"
