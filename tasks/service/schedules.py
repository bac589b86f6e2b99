"""A corpus's own schedule: the nightly deployment, from where the corpus was last ingested."""

import json
import os
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.schedules import CronSchedule
from prefect.exceptions import ObjectNotFound
from pydantic import ValidationError

from data.errors import UserError
from data.store import layout
from data.workspace import Workspace
from engines.files.media import is_url
from tasks.service.server import connected

DEPLOYMENT = "pipeline/nightly"


def schedule(
    workspace: Workspace, url: str, corpus: str, cron: str, timezone: str,
    source: str | None = None, columns: dict[str, str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Has the server at this address run a corpus's pipeline at such times; the run's parameters.

    They are those of the corpus's last ingest, and take the place of an earlier schedule's; each
    run takes the specs that the corpus has by then. A UserError where the times are none, or the
    corpus is not there.
    """
    parameters = _last(workspace, workspace.known(corpus), source) | {"columns": columns}
    try:
        when = CronSchedule(cron=cron, timezone=timezone)
    except ValidationError as error:
        wrong = error.errors()[0]
        raise UserError(f"{wrong['input']!r} is no {wrong['loc'][0]}: {wrong['msg']}") from error
    made = DeploymentScheduleCreate(schedule=when, parameters=parameters, slug=_slug(corpus))
    with connected(url) as client:
        deployment, there = _deployed(client, corpus)
        if there:
            client.delete_deployment_schedule(deployment, there)
        client.create_deployment_schedules(deployment, [made])
    return parameters


def unschedule(url: str, corpus: str) -> bool:
    """Ends a corpus's schedule, and its runs that are still to come; False where it had none."""
    with connected(url) as client:
        deployment, there = _deployed(client, corpus)
        if there:
            client.delete_deployment_schedule(deployment, there)
    return there is not None


def _deployed(client: SyncPrefectClient, corpus: str) -> tuple[UUID, UUID | None]:
    """The nightly deployment, and the schedule that a corpus has of it."""
    try:
        deployment = client.read_deployment_by_name(DEPLOYMENT)
    except ObjectNotFound as error:
        raise UserError(f"{DEPLOYMENT} is not deployed there: `reelflow up`") from error
    found = (each.id for each in deployment.schedules if each.slug == _slug(corpus))
    return deployment.id, next(found, None)


def _slug(corpus: str) -> str:
    """Unlike those of prefect.yaml, which deploying again turns off."""
    return f"corpus-{corpus}"


def _last(workspace: Workspace, corpus: str, source: str | None) -> dict[str, Any]:
    """The parameters that bring a corpus up to date as it was made."""
    source = source or _last_source(workspace, corpus)
    if source and not is_url(source):
        source = os.path.abspath(source)  # runs are in a folder of their own
    return {"corpus": corpus, "source": source}


def _last_source(workspace: Workspace, corpus: str) -> str | None:
    """Where the last ingest read from that was no retry."""
    for header in reversed(workspace.store.names(layout.ingests(corpus), "-done.json")):
        source = str(json.loads(workspace.store.read(header))["source"])
        if source != "retry":
            return source
    return None
