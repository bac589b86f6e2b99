"""Reads from a Prefect server what its runs are doing, at a cost that history does not add to."""

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

from tasks.artifact_key import artifact_key

MAX_LISTED = 12  # of each list: the server only counts the others
MAX_POOLS = 5
ACTIVE = [StateType.RUNNING, StateType.PENDING, StateType.PAUSED, StateType.CANCELLING]
TERMINAL = [StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED]
EMPTY_MESSAGES = ("", "Flow run scheduled")  # these say no more than the state
ERROR_PREFIX = "Flow run encountered an exception: "  # Prefect's, before an exception's text
# Prefixes of the artifact keys that tasks/ui/live.py and tasks/ui/artifacts.py write for embed.
EMBED_KEYS = ("embed-progress-", "embed-failures-table-")


@dataclass(frozen=True, slots=True)
class Run:
    """A flow run: when it started, is due, or ended; its seconds so far; its last message."""

    id: str
    name: str
    corpus: str | None
    state: str
    since: datetime | None
    seconds: float
    said: str


@dataclass(frozen=True, slots=True)
class Pool:
    """A work pool, and its workers that send heartbeats."""

    name: str
    state: str
    limit: int | None
    workers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Activity:
    """The newest runs of each list at the time `asked`.

    `due` counts all runs that should have started, of which `waiting` lists the first. `failures`
    counts the videos of each corpus's last embed run by reason.
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


def read_activity(client: SyncPrefectClient) -> Activity:
    """Reads the current activity in about a dozen requests, each with a limit."""
    now = datetime.now(UTC)
    due = _filter_runs(StateType.SCHEDULED, before_=now)
    running = _read_runs(client, _filter_runs(*ACTIVE), FlowRunSort.EXPECTED_START_TIME_DESC)
    waiting = _read_runs(client, due, FlowRunSort.EXPECTED_START_TIME_ASC)
    coming = _read_runs(
        client, _filter_runs(StateType.SCHEDULED, after_=now), FlowRunSort.EXPECTED_START_TIME_ASC
    )
    finished = _read_runs(client, _filter_runs(*TERMINAL), FlowRunSort.END_TIME_DESC)
    progress = _read_progress(client, [run.id for run in (*running, *finished)])
    figures = _read_figures(client, finished)
    return Activity(
        str(client.api_url),
        now,
        tuple(_build_run(run, run.start_time, progress) for run in running),
        tuple(_build_run(run, run.expected_start_time, {}) for run in waiting),
        client.count_flow_runs(flow_run_filter=due),
        tuple(_build_run(run, run.expected_start_time, {}) for run in coming),
        tuple(_build_run(run, run.end_time, progress | figures) for run in finished),
        tuple(_read_pools(client)),
        _read_failures(client),
    )


def _filter_runs(*types: StateType, **expected: datetime) -> filters.FlowRunFilter:
    state = filters.FlowRunFilterState(type=filters.FlowRunFilterStateType(any_=list(types)))
    if not expected:
        return filters.FlowRunFilter(state=state)
    start = filters.FlowRunFilterExpectedStartTime.model_validate(expected)
    return filters.FlowRunFilter(state=state, expected_start_time=start)


def _read_runs(
    client: SyncPrefectClient, which: filters.FlowRunFilter, sort: FlowRunSort
) -> list[FlowRun]:
    return client.read_flow_runs(flow_run_filter=which, sort=sort, limit=MAX_LISTED)


def _build_run(run: FlowRun, since: datetime | None, progress: dict[UUID, str]) -> Run:
    message = (run.state.message if run.state else None) or ""
    ended_well = run.state_type == StateType.COMPLETED
    # The message of a completed run says nothing, that of a failed one says why.
    text = progress.get(run.id, "") if ended_well or message in EMPTY_MESSAGES else message
    text = text.removeprefix(ERROR_PREFIX).removeprefix("UserError: ")
    corpus = run.parameters.get("corpus")
    return Run(
        str(run.id), run.name, corpus if isinstance(corpus, str) else None, run.state_name or "",
        since, run.estimated_run_time.total_seconds(), " ".join(text.split()),
    )  # fmt: skip


def _read_progress(client: SyncPrefectClient, runs: list[UUID]) -> dict[UUID, str]:
    """Returns the progress line of each run that has one."""
    return _read_descriptions(client, runs, type=filters.ArtifactFilterType(any_=["progress"]))


def _read_figures(client: SyncPrefectClient, runs: list[FlowRun]) -> dict[UUID, str]:
    """Returns one line of figures per run, whose artifact has the same name as the run."""
    keys = list({artifact_key(run.name) for run in runs})
    return _read_descriptions(
        client, [run.id for run in runs], key=filters.ArtifactFilterKey(any_=keys)
    )


def _read_descriptions(
    client: SyncPrefectClient, runs: list[UUID], **which: Any
) -> dict[UUID, str]:
    if not runs:
        return {}
    of_runs = filters.ArtifactFilterFlowRunId(any_=runs)
    selection = filters.ArtifactFilter(flow_run_id=of_runs, **which)
    artifacts = client.read_artifacts(artifact_filter=selection, limit=len(runs))
    return {a.flow_run_id: a.description or "" for a in artifacts if a.flow_run_id}


def _read_pools(client: SyncPrefectClient) -> Iterator[Pool]:
    online = filters.WorkerFilter(status=filters.WorkerFilterStatus(any_=["ONLINE"]))
    for pool in client.read_work_pools(limit=MAX_POOLS):
        workers = client.read_workers_for_work_pool(pool.name, online, offset=0, limit=MAX_LISTED)
        status = pool.status.value.lower().replace("_", " ") if pool.status else "unknown"
        names = tuple(worker.name for worker in workers)
        yield Pool(pool.name, "paused" if pool.is_paused else status, pool.concurrency_limit, names)


def _read_failures(client: SyncPrefectClient) -> dict[str, dict[str, int]]:
    """Reads each corpus's table of failures, unless a later embed run had no failures."""
    progress, tables = (_latest_artifacts(client, key) for key in EMBED_KEYS)
    failures = {}
    for corpus, table in tables.items():
        if corpus not in progress or _updated_at(progress[corpus]) <= _updated_at(table):
            # A key has no capitals, dots or underscores: the corpus's own name is in the text.
            name = (table.description or corpus).rpartition(" on ")[2]
            failures[name] = {row["reason"]: row["videos"] for row in json.loads(str(table.data))}
    return failures


def _latest_artifacts(client: SyncPrefectClient, key: str) -> dict[str, ArtifactCollection]:
    """Returns the newest artifacts whose keys start with `key`, by the rest of their keys."""
    like = filters.ArtifactCollectionFilterKey(like_=f"{key}%")
    which = filters.ArtifactCollectionFilter(key=like)
    newest = ArtifactCollectionSort.UPDATED_DESC
    artifacts = client.read_latest_artifacts(artifact_filter=which, limit=MAX_LISTED, sort=newest)
    return {artifact.key.removeprefix(key): artifact for artifact in artifacts}


def _updated_at(artifact: ArtifactCollection) -> float:
    return artifact.updated.timestamp() if artifact.updated else 0.0
