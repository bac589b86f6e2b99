"""A worker with room for one run: nothing that waits holds its place."""

from collections.abc import Iterator

import pytest
from prefect.blocks.webhook import Webhook
from prefect.events.schemas.automations import AutomationCore
from support.running import asking
from support.served import Served, listening, until

from data.workspace import open_workspace
from tasks.service.automations import WEBHOOK, apply_automations
from tasks.service.server import open_client
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
        assert until(lambda: _has_left(served.ask(f"flow_runs/{waits}")))
        served.ask(f"flow_runs/{waits}/set_state", {"state": {"type": "CANCELLING"}})
        assert served.state(waits) == "CANCELLED"
    limit = served.ask("deployments/name/embed/embed")["global_concurrency_limit"]
    assert limit["active_slots"] == 0


def _has_left(run: dict) -> bool:
    """Whether a run waits for its turn and has left its process: else it cannot be cancelled."""
    return run["state"]["name"] == STATE and not run["infrastructure_pid"]


def test_somebody_is_told_of_a_run_that_failed_and_of_a_corpus_without_a_good_night(
    served: Served,
) -> None:
    api = served.service.api
    with listening() as (url, heard):
        with open_client(api) as client, asking(api):
            Webhook(url=url).save(WEBHOOK, overwrite=True)  # also at a second try
            apply_automations(api)
            [night] = client.read_automations_by_name("reelflow: no good night")
            hidden = {"id", "created", "updated", "owner_resource"}
            written = night.model_dump(mode="json", exclude=hidden)
            written["trigger"]["within"] = 10
            client.update_automation(night.id, AutomationCore(**written))
        served.command("schedule", CORPORA[1], "--cron", "0 3 1 1 *")
        failed = served.begin("pipeline/nightly", corpus="gone", source="/nowhere/at/all")
        assert served.ended(failed) == "FAILED"
        wanted = {"failed", "no good night"}
        assert until(lambda: wanted <= {each["text"].split(": ")[1] for each in heard}, 400)
        told = [each["text"].removeprefix("reelflow: ").split(": ", 1) for each in heard]
    [(_, about)] = [each for each in told if each[0] == "failed"]
    assert "pipeline-gone" in about, "told of the pipeline, and not of its subflow too"
    [(_, about)] = [each for each in told if each[0] == "no good night"]
    assert f"reelflow.corpus.{CORPORA[1]}" in about
