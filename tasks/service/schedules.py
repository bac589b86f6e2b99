"""A corpus's schedule: a nightly deployment of its own, from where it was last ingested.

Its name and its tag are all that Prefect's UI shows of a run that has not started.
"""

import json
import os
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterName,
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import (
    ConcurrencyLimitStrategy,
    ConcurrencyOptions,
    DeploymentSchedule,
    State,
    StateType,
)
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled
from pydantic import ValidationError

from data.errors import UserError
from data.store import layout
from data.workspace import Workspace
from engines.files.urls import is_url
from tasks.service.corpus_events import build_corpus_event
from tasks.service.server import open_client

DEPLOYMENT = "pipeline/nightly"
FORMER_SLUG = "corpus-"  # of schedules that version 0.1.0 added to the nightly deployment itself


def schedule_corpus(
    workspace: Workspace, url: str, corpus: str, cron: str, timezone: str,
    source: str | None = None, columns: dict[str, str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Has the server run a corpus's pipeline at these times; returns the runs' parameters.

    They are those of the corpus's last ingest; specs are left out, so that each run uses the
    corpus's current ones. An earlier schedule is replaced. A UserError where the times are invalid
    or the corpus does not exist.
    """
    parameters = _last_parameters(workspace, workspace.check_corpus(corpus), source)
    if columns or source:
        parameters["columns"] = columns
    try:
        when = CronSchedule(cron=cron, timezone=timezone)
    except ValidationError as error:
        wrong = error.errors()[0]
        raise UserError(f"invalid {wrong['loc'][0]} {wrong['input']!r}: {wrong['msg']}") from error
    with open_client(url) as client:
        nightly = _read_nightly(client)
        _delete_former(client, nightly, corpus)
        _deploy(client, nightly, DeploymentScheduleCreate(schedule=when), parameters)
        _emit(client, "scheduled", corpus)
    return parameters


def unschedule_corpus(url: str, corpus: str) -> bool:
    """Removes a corpus's schedule, and cancels its runs that wait; False where it had none."""
    with open_client(url) as client:
        former = _delete_former(client, _read_nightly(client), corpus)
        try:
            own = client.read_deployment_by_name(f"{DEPLOYMENT}-{corpus}")
        except ObjectNotFound:
            return former
        # First: without its deployment a waiting run would still be started, or wait for ever.
        _cancel_waiting(client, own)
        client.delete_deployment(own.id)
        _emit(client, "unscheduled", corpus)
    return True


def _cancel_waiting(client: SyncPrefectClient, deployment: DeploymentResponse) -> None:
    """Cancels the runs that have not started, or gave their turn away: on time, late, enqueued."""
    waiting = FlowRunFilter(
        deployment_id=FlowRunFilterDeploymentId(any_=[deployment.id]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
    )
    cancelled: State[Any] = Cancelled(message="its schedule was removed")
    while runs := client.read_flow_runs(flow_run_filter=waiting):
        for run in runs:
            client.set_flow_run_state(run.id, cancelled, force=True)


def _emit(client: SyncPrefectClient, name: str, corpus: str) -> None:
    """Emits a corpus's event, by which an automation knows whether to expect its nights."""
    # By request, which returns when it has arrived: the events worker belongs to another server.
    event = build_corpus_event(name, corpus).model_dump(mode="json")
    client.request("POST", "/events", json=[event]).raise_for_status()


def refresh_schedules(url: str) -> None:
    """Makes the corpora's deployments follow the nightly one, which was deployed anew."""
    with open_client(url) as client:
        nightly = _read_nightly(client)
        for old in _list_former(nightly):
            _deploy(client, nightly, _copy_schedule(old), old.parameters)
            client.delete_deployment_schedule(nightly.id, old.id)
        like = DeploymentFilter(name=DeploymentFilterName(like_=f"{nightly.name}-"))
        for own in client.read_deployments(deployment_filter=like):
            if own.flow_id == nightly.flow_id and own.schedules:
                _deploy(client, nightly, _copy_schedule(own.schedules[0]), own.parameters)


def _deploy(
    client: SyncPrefectClient, nightly: DeploymentResponse, schedule: DeploymentScheduleCreate,
    parameters: dict[str, Any],
) -> None:  # fmt: skip
    """Creates or replaces a corpus's deployment: the nightly one with its own limit of one run."""
    corpus = parameters["corpus"]
    client.create_deployment(
        nightly.flow_id,
        f"{nightly.name}-{corpus}",
        description=f"Bring {corpus} up to date; made by `reelflow schedule {corpus}`.",
        tags=[f"corpus:{corpus}", *nightly.tags],  # the first ones show in lists of runs
        schedules=[schedule],
        parameters=parameters,
        concurrency_limit=1,
        concurrency_options=ConcurrencyOptions(collision_strategy=ConcurrencyLimitStrategy.ENQUEUE),
        work_pool_name=nightly.work_pool_name,
        work_queue_name=nightly.work_queue_name,
        job_variables=nightly.job_variables,
        pull_steps=nightly.pull_steps,
        path=nightly.path,
        entrypoint=nightly.entrypoint,
        parameter_openapi_schema=nightly.parameter_openapi_schema,
        enforce_parameter_schema=nightly.enforce_parameter_schema,
        version=nightly.version,
    )


def _copy_schedule(schedule: DeploymentSchedule) -> DeploymentScheduleCreate:
    return DeploymentScheduleCreate(schedule=schedule.schedule, active=schedule.active)


def _read_nightly(client: SyncPrefectClient) -> DeploymentResponse:
    try:
        return client.read_deployment_by_name(DEPLOYMENT)
    except ObjectNotFound as error:
        raise UserError(f"{DEPLOYMENT} is not deployed: run `reelflow up`") from error


def _list_former(nightly: DeploymentResponse) -> list[DeploymentSchedule]:
    return [each for each in nightly.schedules if (each.slug or "").startswith(FORMER_SLUG)]


def _delete_former(client: SyncPrefectClient, nightly: DeploymentResponse, corpus: str) -> bool:
    """Deletes the schedule of version 0.1.0, which would run the corpus a second time."""
    former = [each for each in _list_former(nightly) if each.slug == f"{FORMER_SLUG}{corpus}"]
    for each in former:
        client.delete_deployment_schedule(nightly.id, each.id)
    return bool(former)


def _last_parameters(workspace: Workspace, corpus: str, source: str | None) -> dict[str, Any]:
    """The parameters that bring a corpus up to date from where it was last ingested."""
    last, columns = _last_source(workspace, corpus)
    source = source or last
    if source and not is_url(source):
        source = os.path.abspath(source)  # runs have a working folder of their own
    return {"corpus": corpus, "source": source, "columns": columns}


def _last_source(workspace: Workspace, corpus: str) -> tuple[str | None, dict[str, str] | None]:
    """The source of the last ingest that was no retry, and what its columns were called."""
    for header in reversed(workspace.store.list_names(layout.ingests_folder(corpus), "-done.json")):
        record = json.loads(workspace.store.read(header))
        if record["source"] != "retry":
            return str(record["source"]), record.get("columns")
    return None, None
