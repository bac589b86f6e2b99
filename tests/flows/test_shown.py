"""What a flow run's page shows: progress, failures, coverage."""

import json

import pytest
from corpora import FAKE

from data.workplace import Workplace
from flows.embed import embed
from flows.ingest import ingest

pytestmark = pytest.mark.usefixtures("prefect_backend")


def shown(key: str):
    from prefect.artifacts import Artifact

    return Artifact.get(key=key)


def test_progress_failures_and_coverage_are_on_the_page_of_the_run(place: Workplace) -> None:
    ingest("fake://8?undecodable=2&empty=1", "shown")
    embed("shown", FAKE)
    progress = shown("embed-progress-shown")
    assert progress.data == 100.0
    assert progress.description.startswith("embed 8/8 videos")
    assert progress.description.endswith("3 failed")
    failures = {row["reason"]: row for row in json.loads(shown("embed-failures-table-shown").data)}
    assert {reason: row["videos"] for reason, row in failures.items()} == {
        "undecodable": 2,
        "empty": 1,
    }
    assert "fake-" in failures["empty"]["examples"]
    summary = shown("embed-shown").data
    assert "| coverage before | 0.0% of 8 |" in summary
    assert "| coverage after | 62.5% of 8 |" in summary


def test_a_clean_run_has_no_table_of_failures(place: Workplace) -> None:
    ingest("fake://2", "clean")
    embed("clean", FAKE)
    assert shown("embed-failures-table-clean") is None
