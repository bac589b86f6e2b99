"""What a Prefect server's runs are doing now, asked so that a long history costs nothing."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas import filters
from prefect.client.schemas.objects import ArtifactCollection, FlowRun, StateType
from prefect.client.schemas.sorting import ArtifactCollectionSort, FlowRunSort

from tasks.ui.artifacts import key_of

SHOWN = 12  # of each list; whatever else there is, is counted by the server
POOLS = 5
UNDER_WAY = [StateType.RUNNING, StateType.PENDING, StateType.PAUSED, StateType.CANCELLING]
FINISHED = [StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED]
UNTOLD = ("", "Flow run scheduled")  # messages that say no more than the state
RAISED = "Flow run encountered an exception: "  # before what the exception says
EMBEDDED = (
    "embed-progress-",
    "embed-failures-table-",
)  # keys of tasks/ui/live.py, tasks/ui/artifacts.py


@dataclass(frozen=True, slots=True)
class Run:
    """A flow run: since when it is in question, how long it took so far, what it said last."""

    id: str
    name: str
    corpus: str | None
    state: str
    since: datetime | None
    seconds: float
    said: str


@dataclass(frozen=True, slots=True)
class Pool:
    """A work pool, and its workers that are heard of."""

    name: str
    state: str
    limit: int | None
    workers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Now:
    """The newest of each list; `due` of how many runs that should have begun `waiting` has some.

    `failures` are of each corpus's last embedding, videos by reason.
    """

    url: str
    asked: datetime
    running: tuple[Run, ...]
    waiting: tuple[Run, ...]
    due: int
    coming: tuple[Run, ...]
    finished: tuple[Run, ...]
    pools: tuple[Pool, ...]
    failures: dict[str, dict[str, int]]


def look(client: SyncPrefectClient) -> Now:
    """What is going on, in about a dozen requests with limits."""
    now = datetime.now(UTC)
    due = _runs(StateType.SCHEDULED, before_=now)
    running = _first(client, _runs(*UNDER_WAY), FlowRunSort.EXPECTED_START_TIME_DESC)
    waiting = _first(client, due, FlowRunSort.EXPECTED_START_TIME_ASC)
    coming = _first(
        client, _runs(StateType.SCHEDULED, after_=now), FlowRunSort.EXPECTED_START_TIME_ASC
    )
    finished = _first(client, _runs(*FINISHED), FlowRunSort.END_TIME_DESC)
    progress = _progress(client, [run.id for run in (*running, *finished)])
    figures = _figures(client, finished)
    return Now(
        str(client.api_url),
        now,
        tuple(_run(run, run.start_time, progress) for run in running),
        tuple(_run(run, run.expected_start_time, {}) for run in waiting),
        client.count_flow_runs(flow_run_filter=due),
        tuple(_run(run, run.expected_start_time, {}) for run in coming),
        tuple(_run(run, run.end_time, progress | figures) for run in finished),
        tuple(_pools(client)),
        _failures(client),
    )


def _runs(*types: StateType, **expected: datetime) -> filters.FlowRunFilter:
    state = filters.FlowRunFilterState(type=filters.FlowRunFilterStateType(any_=list(types)))
    if not expected:
        return filters.FlowRunFilter(state=state)
    start = filters.FlowRunFilterExpectedStartTime.model_validate(expected)
    return filters.FlowRunFilter(state=state, expected_start_time=start)


def _first(
    client: SyncPrefectClient, which: filters.FlowRunFilter, sort: FlowRunSort
) -> list[FlowRun]:
    return client.read_flow_runs(flow_run_filter=which, sort=sort, limit=SHOWN)


def _run(run: FlowRun, since: datetime | None, progress: dict[UUID, str]) -> Run:
    message = (run.state.message if run.state else None) or ""
    ended_well = run.state_type == StateType.COMPLETED
    said = progress.get(run.id, "") if ended_well or message in UNTOLD else message
    said = said.removeprefix(RAISED).removeprefix("UserError: ")
    corpus = run.parameters.get("corpus")
    return Run(
        str(run.id), run.name, corpus if isinstance(corpus, str) else None, run.state_name or "",
        since, run.estimated_run_time.total_seconds(), " ".join(said.split()),
    )  # fmt: skip


def _progress(client: SyncPrefectClient, runs: list[UUID]) -> dict[UUID, str]:
    """The progress line of each run that has one."""
    return _said(client, runs, type=filters.ArtifactFilterType(any_=["progress"]))


def _figures(client: SyncPrefectClient, runs: list[FlowRun]) -> dict[UUID, str]:
    """What the figures of each run come to: their artifact is named as the run is named."""
    keys = list({key_of(run.name) for run in runs})
    return _said(client, [run.id for run in runs], key=filters.ArtifactFilterKey(any_=keys))


def _said(client: SyncPrefectClient, runs: list[UUID], **which: Any) -> dict[UUID, str]:
    if not runs:
        return {}
    of = filters.ArtifactFilterFlowRunId(any_=runs)
    chosen = filters.ArtifactFilter(flow_run_id=of, **which)
    found = client.read_artifacts(artifact_filter=chosen, limit=len(runs))
    return {a.flow_run_id: a.description or "" for a in found if a.flow_run_id}


def _pools(client: SyncPrefectClient) -> Iterator[Pool]:
    online = filters.WorkerFilter(status=filters.WorkerFilterStatus(any_=["ONLINE"]))
    for pool in client.read_work_pools(limit=POOLS):
        workers = client.read_workers_for_work_pool(pool.name, online, offset=0, limit=SHOWN)
        status = pool.status.value.lower().replace("_", " ") if pool.status else "unknown"
        names = tuple(worker.name for worker in workers)
        yield Pool(pool.name, "paused" if pool.is_paused else status, pool.concurrency_limit, names)


def _failures(client: SyncPrefectClient) -> dict[str, dict[str, int]]:
    """Of each corpus the table of failures, unless a later run of embed had none to list."""
    progress, tables = (_latest(client, key) for key in EMBEDDED)
    found = {}
    for corpus, table in tables.items():
        if corpus not in progress or _when(progress[corpus]) <= _when(table):
            name = (table.description or corpus).rpartition(" on ")[2]
            found[name] = {row["reason"]: row["videos"] for row in json.loads(str(table.data))}
    return found


def _latest(client: SyncPrefectClient, key: str) -> dict[str, ArtifactCollection]:
    """The newest artifacts whose keys begin so, by what follows."""
    like = filters.ArtifactCollectionFilterKey(like_=f"{key}%")
    which = filters.ArtifactCollectionFilter(key=like)
    newest = ArtifactCollectionSort.UPDATED_DESC
    found = client.read_latest_artifacts(artifact_filter=which, limit=SHOWN, sort=newest)
    return {artifact.key.removeprefix(key): artifact for artifact in found}


def _when(artifact: ArtifactCollection) -> float:
    return artifact.updated.timestamp() if artifact.updated else 0.0
