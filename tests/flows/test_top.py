"""`reelflow top` as an operator reads it."""

import json

import pytest
from corpora import FAKE

from flows.embed import embed
from flows.ingest import ingest

pytestmark = pytest.mark.usefixtures("prefect_backend")


def test_a_page_and_its_figures(reelflow) -> None:
    ingest("fake://6?undecodable=2", "shown")
    embed("shown", FAKE)
    code, page, _ = reelflow("top")
    assert code == 0
    for said in ("finished", "embed-shown", "Completed", "2 failed", "undecodable 2", "memory"):
        assert said in page
    code, figures, _ = reelflow("top", "--json")
    said = json.loads(figures)
    assert code == 0
    assert said["server"]["finished"][0]["name"] == "embed-shown"
    assert said["server"]["failures"]["shown"] == {"undecodable": 2}
    assert said["machine"]["memory"] > said["machine"]["memory_used"] > 0


def test_a_server_that_does_not_answer_is_one_line(reelflow) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        code, said, error = reelflow("top")
    assert (code, said) == (1, "")
    assert error.strip().startswith("reelflow: http://127.0.0.1:9/api does not answer")
    assert error.count("\n") == 1
