"""A corpus's schedule: a deployment of its own, on a real server."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentUpdate
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.states import Running, Scheduled
from support.running import asked
from support.served import until

from data.errors import UserError
from data.settings import Settings
from flows.ingest import ingest
from tasks.service.schedules import refresh_schedules, schedule_corpus, unschedule_corpus
from tasks.service.server import find_api_url, open_client

NIGHT, TIMEZONE = "0 2 * * *", "Europe/Berlin"


@pytest.fixture
def corpus(workspace, clips: Path, monkeypatch: pytest.MonkeyPatch, prefect_backend: None) -> str:
    """Ingested from a folder by its relative path."""
    monkeypatch.chdir(clips.parent)
    ingest(clips.name, "c", probe=False)
    return "c"


@pytest.fixture
def client(prefect_backend: None) -> Iterator[SyncPrefectClient]:
    with open_client(find_api_url(Settings())) as client:
        flow, entrypoint = client.create_flow_from_name("pipeline"), "flows.pipeline:pipeline"
        made = client.create_deployment(flow, "nightly", tags=["reelflow"], entrypoint=entrypoint)
        yield client
        client.delete_deployment(made)


def deployments(client: SyncPrefectClient) -> dict[str, DeploymentResponse]:
    return {each.name: each for each in client.read_deployments()}


def test_a_corpus_has_a_deployment_of_its_own_from_where_it_was_last_ingested(
    workspace, corpus: str, client: SyncPrefectClient, clips: Path
) -> None:
    url = find_api_url(Settings())
    schedule_corpus(workspace, url, corpus, "0 1 * * *", "UTC")
    schedule_corpus(workspace, url, corpus, NIGHT, TIMEZONE)
    own = deployments(client)["nightly-c"]
    [when] = own.schedules
    assert (when.active, when.schedule.cron, when.schedule.timezone) == (True, NIGHT, TIMEZONE)
    assert own.parameters == {"corpus": "c", "source": os.path.abspath(clips), "columns": None}
    assert (own.tags, own.entrypoint) == (["corpus:c", "reelflow"], "flows.pipeline:pipeline")
    assert own.global_concurrency_limit.limit == 1  # of this corpus, not of all
    columns = {"txt": "caption"}
    schedule_corpus(workspace, url, corpus, NIGHT, TIMEZONE, "s3://footage/c", columns)
    own = deployments(client)["nightly-c"]
    assert (own.parameters["source"], own.parameters["columns"]) == ("s3://footage/c", columns)
    assert unschedule_corpus(url, corpus) and "nightly-c" not in deployments(client)
    assert not unschedule_corpus(url, corpus)


def test_a_run_that_waits_shows_its_corpus(workspace, corpus: str, client) -> None:
    url = find_api_url(Settings())
    schedule_corpus(workspace, url, corpus, NIGHT, TIMEZONE)
    own = deployments(client)["nightly-c"]
    asked(f"{url}/deployments/{own.id}/schedule", {"min_runs": 2})
    waiting = {"deployments": {"id": {"any_": [str(own.id)]}}}
    runs = asked(f"{url}/flow_runs/filter", waiting)
    assert runs and all("corpus:c" in run["tags"] for run in runs)
    assert {run["parameters"]["corpus"] for run in runs} == {"c"}
    unschedule_corpus(url, corpus)


def test_a_schedule_of_version_0_1_0_moves_to_the_corpus_s_own_deployment(
    workspace, corpus: str, client: SyncPrefectClient
) -> None:
    """It was one of the nightly deployment's, by which every corpus waited for every other one."""
    url, nightly = find_api_url(Settings()), deployments(client)["nightly"]
    old = DeploymentScheduleCreate(
        schedule=CronSchedule(cron=NIGHT), parameters={"corpus": "c"}, slug="corpus-c"
    )
    client.create_deployment_schedules(nightly.id, [old])
    refresh_schedules(url)
    assert not deployments(client)["nightly"].schedules
    [when] = deployments(client)["nightly-c"].schedules
    client.update_deployment(nightly.id, DeploymentUpdate(tags=["reelflow", "new"]))
    refresh_schedules(url)
    own = deployments(client)["nightly-c"]
    assert (own.schedules[0].schedule, own.tags[2]) == (when.schedule, "new")
    assert unschedule_corpus(url, corpus)


def test_what_cannot_be_scheduled_is_said(workspace, corpus: str) -> None:
    url = find_api_url(Settings())
    with pytest.raises(UserError, match="cron 'tonight'"):
        schedule_corpus(workspace, url, corpus, "tonight", "UTC")
    with pytest.raises(UserError, match="timezone 'Mars'"):
        schedule_corpus(workspace, url, corpus, NIGHT, "Mars")
    with pytest.raises(UserError, match="no corpus 'd'"):
        schedule_corpus(workspace, url, "d", NIGHT, TIMEZONE)
    with pytest.raises(UserError, match="reelflow up"):
        schedule_corpus(workspace, url, corpus, NIGHT, TIMEZONE)


def test_without_its_schedule_a_corpus_has_no_run_that_waits(
    workspace, corpus: str, client: SyncPrefectClient
) -> None:
    url = find_api_url(Settings())
    schedule_corpus(workspace, url, corpus, NIGHT, TIMEZONE)
    own = deployments(client)["nightly-c"]
    states = [Scheduled(), Scheduled(name="Late"), Scheduled(name="AwaitingConcurrencySlot")]
    made = [client.create_flow_run_from_deployment(own.id, state=state).id for state in states]
    at_work = client.create_flow_run_from_deployment(own.id, state=Running()).id
    assert unschedule_corpus(url, corpus)
    assert [client.read_flow_run(id).state_type for id in made] == [StateType.CANCELLED] * 3
    assert client.read_flow_run(at_work).state_type == StateType.RUNNING
    about = {"filter": {"resource": {"id": ["reelflow.corpus.c"]}}}
    until(lambda: len(asked(f"{url}/events/filter", about)["events"]) >= 2)
    emitted = {event["event"] for event in asked(f"{url}/events/filter", about)["events"]}
    assert {"reelflow.scheduled", "reelflow.unscheduled"} <= emitted


def test_a_schedule_reads_columns_as_the_last_ingest_did(
    workspace, tmp_path: Path, client: SyncPrefectClient
) -> None:
    table, columns = tmp_path / "t.csv", {"txt": "title"}
    table.write_text("videoID,videoLoc,title\na,fake://1?frames=2,a cat\n")
    ingest(str(table), "titled", columns, probe=False)
    url = find_api_url(Settings())
    assert schedule_corpus(workspace, url, "titled", NIGHT, TIMEZONE)["columns"] == columns
    other = schedule_corpus(workspace, url, "titled", NIGHT, TIMEZONE, "s3://footage/c")
    assert other["columns"] is None, "those of another source are not known"
    unschedule_corpus(url, "titled")
