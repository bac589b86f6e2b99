"""A worker with room for one run: nothing that waits holds its place."""

from collections.abc import Iterator

import pytest
from support.served import Served, until

from data.workspace import open_workspace
from tasks.service.turns import STATE

pytestmark = [pytest.mark.service, pytest.mark.timeout(900)]
FAKE = {"engine": "fake"}
CORPORA = ("first", "second")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp("turns") / "store", ("--limit", "1"))
    try:
        served.up()
        for corpus in CORPORA:
            served.command("ingest", "fake://4", "--corpus", corpus)
        yield served
    finally:
        served.down()


def test_backfills_wait_without_a_process_and_their_approvals_survive_a_restart(
    served: Served,
) -> None:
    """Both are approved while neither has run: then each waits for windows, with one place."""
    about = {"spec": FAKE, "child_runs": True, "max_parallel": 2, "window": 2}
    runs = [served.begin("backfill/backfill", corpus=corpus, **about) for corpus in CORPORA]
    for run in runs:
        assert until(lambda run=run: served.state(run) == "PAUSED")
        assert served.ask(f"flow_runs/{run}")["state"]["name"] == "Suspended"
    served.command("ingest", "fake://9", "--corpus", CORPORA[0])  # five more, approved by nobody
    served.down()
    served.up()
    assert [served.state(run) for run in runs] == ["PAUSED", "PAUSED"]
    served.ask(f"flow_runs/{runs[0]}/resume", {"run_input": {"budget_gpu_hours": 9}})
    served.ask(f"flow_runs/{runs[1]}/resume", {})
    assert [served.ended(run) for run in runs] == ["COMPLETED", "COMPLETED"]
    for run in runs:
        tagged = {"flow_runs": {"tags": {"all_": [f"backfill:{run}"]}}}
        windows = served.ask("flow_runs/filter", tagged)
        listed = [video for window in windows for video in window["parameters"]["shards"]]
        assert len(windows) == 2 and len(listed) == 2


def test_a_run_whose_corpus_is_busy_leaves_its_place_to_others(served: Served) -> None:
    workspace = open_workspace(served.settings)
    with workspace.lock_stage(CORPORA[0], "embed", print):
        waits = served.begin("pipeline/nightly", corpus=CORPORA[0], embed_spec=FAKE)
        assert until(lambda: served.ask(f"flow_runs/{waits}")["state"]["name"] == STATE)
        assert "which runs embed on first" in served.ask(f"flow_runs/{waits}")["state"]["message"]
        other = served.begin("ingest/ingest", source="fake://2", corpus="other")
        assert served.ended(other) == "COMPLETED"
        subflows = served.ask("flow_runs/filter", {"flows": {"name": {"any_": ["embed"]}}})
        assert "RUNNING" not in {run["state_type"] for run in subflows}
    assert served.ended(waits) == "COMPLETED"


def test_a_run_that_waits_for_its_turn_is_cancelled_at_once(served: Served) -> None:
    with open_workspace(served.settings).lock_stage(CORPORA[0], "embed", print):
        waits = served.begin("embed/embed", corpus=CORPORA[0])
        assert until(lambda: served.ask(f"flow_runs/{waits}")["state"]["name"] == STATE)
        served.ask(f"flow_runs/{waits}/set_state", {"state": {"type": "CANCELLING"}})
        assert served.state(waits) == "CANCELLED"
    limit = served.ask("deployments/name/embed/embed")["global_concurrency_limit"]
    assert limit["active_slots"] == 0
