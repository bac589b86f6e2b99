"""A corpus's schedule: one, from where the corpus was last ingested, on a real server."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import SyncPrefectClient

from data.errors import UserError
from data.settings import Settings
from flows.ingest import ingest
from tasks.service.schedules import schedule, unschedule
from tasks.service.server import address, connected

NIGHT, TIMEZONE = "0 2 * * *", "Europe/Berlin"


@pytest.fixture
def corpus(workspace, clips: Path, monkeypatch: pytest.MonkeyPatch, prefect_backend: None) -> str:
    """Ingested from a folder by its relative path."""
    monkeypatch.chdir(clips.parent)
    ingest(clips.name, "c", probe=False)
    return "c"


@pytest.fixture
def client(prefect_backend: None) -> Iterator[SyncPrefectClient]:
    with connected(address(Settings())) as client:
        made = client.create_deployment(client.create_flow_from_name("pipeline"), "nightly")
        yield client
        client.delete_deployment(made)


def schedules(client: SyncPrefectClient) -> list[Any]:
    return client.read_deployment_by_name("pipeline/nightly").schedules


def test_a_corpus_has_one_schedule_from_where_it_was_last_ingested(
    workspace, corpus: str, client: SyncPrefectClient, clips: Path
) -> None:
    url = address(Settings())
    schedule(workspace, url, corpus, "0 1 * * *", "UTC")
    schedule(workspace, url, corpus, NIGHT, TIMEZONE)
    [made] = schedules(client)
    assert (made.active, made.schedule.cron, made.schedule.timezone) == (True, NIGHT, TIMEZONE)
    assert made.parameters == {
        "corpus": "c", "source": os.path.abspath(clips), "columns": None,
    }  # fmt: skip
    schedule(workspace, url, corpus, NIGHT, TIMEZONE, "s3://footage/c", {"txt": "caption"})
    [made] = schedules(client)
    assert made.parameters["source"] == "s3://footage/c"
    assert made.parameters["columns"] == {"txt": "caption"}
    assert unschedule(url, corpus) and not schedules(client)
    assert not unschedule(url, corpus)


def test_what_cannot_be_scheduled_is_said(workspace, corpus: str) -> None:
    url = address(Settings())
    with pytest.raises(UserError, match="'tonight' is no cron"):
        schedule(workspace, url, corpus, "tonight", "UTC")
    with pytest.raises(UserError, match="'Mars' is no timezone"):
        schedule(workspace, url, corpus, NIGHT, "Mars")
    with pytest.raises(UserError, match="no corpus 'd'"):
        schedule(workspace, url, "d", NIGHT, TIMEZONE)
    with pytest.raises(UserError, match="not deployed there: `reelflow up`"):
        schedule(workspace, url, corpus, NIGHT, TIMEZONE)
