"""Windows of a backfill as runs of their own: at once, again, within a budget, and left behind."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.concurrency.sync import concurrency
from prefect.flow_engine import run_flow
from prefect.settings import PREFECT_API_URL
from prefect.states import Pending, Running, Scheduled
from support.corpora import FAKE, counts, videos
from support.running import asked

from data.settings import Settings
from data.stamps import hash_json
from data.workspace import Workspace
from engines.embed.models import fake
from flows.backfill import backfill, embed_window
from flows.embed import embed
from flows.ingest import ingest
from tasks.embed import child_runs, windows
from tasks.service import runner
from tasks.service.gpu_limit import LIMIT

pytestmark = pytest.mark.usefixtures("prefect_backend")


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELFLOW_SHARD_SIZE", "4")
    monkeypatch.setenv("REELFLOW_PRICE_PER_GPU_HOUR", "2")


class Hand:
    """A worker in this process: runs windows that are scheduled, each in a thread of its own."""

    def __init__(self) -> None:
        self.together = 1  # how many there are to be before the first begins
        self.breaks: Callable[[list[str], int], bool] = lambda shards, attempt: False
        self.attempts: Counter[str] = Counter()
        self.over, self.threads = threading.Event(), list[threading.Thread]()

    def work(self) -> None:
        while not self.over.wait(0.05):
            waiting = _runs("embed-window", StateType.SCHEDULED)
            if len(waiting) < self.together:
                continue
            self.together = 1
            for run in waiting:
                with get_client(sync_client=True) as client:
                    client.set_flow_run_state(run.id, Pending())
                self.threads.append(threading.Thread(target=self._run, args=(run,)))
                self.threads[-1].start()

    def _run(self, run: FlowRun) -> None:
        asked = dict(run.parameters)
        self.attempts[asked["shards"][0]] += 1
        if self.breaks(asked["shards"], self.attempts[asked["shards"][0]]):
            asked["shards"] = ["999999"]  # a list that nobody wrote
        run_flow(embed_window, flow_run=run, parameters=asked, return_type="state")


@pytest.fixture
def hand(monkeypatch: pytest.MonkeyPatch, workspace: Workspace) -> Iterator[Hand]:
    """Such a worker; runs are looked at, and tried again, within a moment."""
    monkeypatch.setattr(child_runs, "POLL_S", 0.1)
    monkeypatch.setattr(windows.run_window, "retry_delay_seconds", [0.1, 0.1, 0.1])
    embed_window.to_deployment("embed-window").apply()
    hand = Hand()
    thread = threading.Thread(target=hand.work)
    thread.start()
    yield hand
    hand.over.set()
    for each in (thread, *hand.threads):
        each.join()


def test_a_window_is_tried_thrice_again_ever_later() -> None:
    assert windows.run_window.retries == 3
    assert windows.run_window.retry_delay_seconds == [10, 20, 40]
    assert windows.run_window.retry_jitter_factor == 0.5


def test_a_window_that_could_not_be_asked_for_is_waited_for_and_not_run_twice(
    workspace: Workspace, hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_deployment, keys = child_runs.run_deployment, list[str]()

    def lose_connection(*args: Any, **kwargs: Any) -> Any:
        keys.append(kwargs["idempotency_key"])
        run_deployment(*args, **kwargs | {"timeout": 0})  # started, and not waited for
        raise ConnectionError("the server is restarting")

    monkeypatch.setattr(child_runs, "run_deployment", lose_connection)
    ingest("fake://2", "lost")
    made = backfill("lost", "true", FAKE, window=2, approved=True, child_runs=True)
    assert (made["windows"], made["left"], made["shards_left"]) == (1, 0, 0)
    [run] = _of_corpus("lost")
    assert [run.idempotency_key] == keys
    _assert_all_is_paid(made["gpu_hours"], [run])


def test_windows_run_at_once_and_one_that_failed_is_run_again_under_another_key(
    workspace: Workspace, hand: Hand
) -> None:
    ingest("fake://6?undecodable=1", "retried")
    hand.together, hand.breaks = 2, lambda shards, attempt: (shards, attempt) == (["000000"], 1)
    made = backfill(
        "retried", "true", FAKE, window=2, max_parallel=2, approved=True, child_runs=True
    )
    assert (made["windows"], made["left"], made["shards_left"]) == (3, 0, 0)
    assert videos(workspace, "retried", "embed")["missing"] == 0
    runs = _of_corpus("retried")
    assert [run.state_type for run in runs] == ["FAILED", *["COMPLETED"] * 3]
    first, second = runs[0], next(run for run in runs if run.parameters["shards"] == ["000001"])
    assert first.start_time < second.end_time and second.start_time < first.end_time
    [parent] = {tag for run in runs for tag in run.tags if tag.startswith("backfill:")}
    of = {"000000": [1, 2], "000001": [1], "000002": [1]}
    assert {run.idempotency_key for run in runs} == {
        f"embed:{made['fingerprint']}:{hash_json([shard])[:12]}:{parent.split(':')[1]}:1:{attempt}"
        for shard, attempts in of.items()
        for attempt in attempts
    }
    _assert_all_is_paid(made["gpu_hours"], runs)
    shown = _shown(parent.split(":")[1])
    assert shown["backfill-progress-retried"]["data"] == 100
    assert "window" in shown["backfill-progress-retried"]["description"]
    assert "| coverage before | 0.0% of 6 |" in shown["backfill-retried"]["data"]
    assert "| coverage after | 83.3% of 6 |" in shown["backfill-retried"]["data"]
    assert "undecodable" in shown["embed-failures-table-retried"]["data"]
    assert "| shards | 1 |" in _shown(runs[-1].id)["embed-window-retried"]["data"]


def test_a_window_is_paid_for_while_it_holds_workers_and_not_while_it_waits_for_them(
    workspace: Workspace, hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REELFLOW_GPUS", "1")
    limit = GlobalConcurrencyLimitCreate(name=LIMIT, limit=1)
    with get_client(sync_client=True) as client:
        client.create_global_concurrency_limit(limit)
    load, released = fake.Embedder.load, threading.Event()

    def load_slowly(self: fake.Embedder, *options: Any) -> None:
        time.sleep(1)
        load(self, *options)

    monkeypatch.setattr(fake.Embedder, "load", load_slowly)
    ingest("fake://2", "queued")

    def hold_for_others() -> None:
        with concurrency(LIMIT, 1):
            held.set()
            released.wait(120)

    def wait_for_gpus(*options: Any) -> Any:  # for three seconds, however busy the machine is
        threading.Timer(3, released.set).start()
        return hold(*options)

    hold = runner.hold_gpus
    monkeypatch.setattr(runner, "hold_gpus", wait_for_gpus)
    held, others = threading.Event(), threading.Thread(target=hold_for_others)
    others.start()
    held.wait(30)
    try:
        made = backfill("queued", "true", FAKE, window=2, approved=True, child_runs=True)
    finally:
        others.join()
        with get_client(sync_client=True) as client:
            client.delete_global_concurrency_limit_by_name(LIMIT)
    [run] = _of_corpus("queued")
    ran = run.total_run_time.total_seconds()
    assert 1 <= made["gpu_hours"] * 3600 < ran - 2, "the model's loading, and no waiting"


def test_windows_that_never_complete_are_paid_for_too_and_none_begins_after(
    workspace: Workspace, hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REELFLOW_PRICE_PER_GPU_HOUR", str(1000 * 3600))  # a millisecond: 1
    ingest("fake://4", "hopeless")
    monkeypatch.setattr(windows.run_window, "retries", 1)
    hand.breaks = lambda shards, attempt: True
    with pytest.raises(RuntimeError, match=r"000000-000000.*999999"):
        backfill("hopeless", "true", FAKE, window=2, approved=True, child_runs=True)
    runs = _of_corpus("hopeless")
    assert [run.state_type for run in runs] == ["FAILED"] * 2
    [parent] = {tag for run in runs for tag in run.tags if tag.startswith("backfill:")}
    shown = _shown(parent.split(":")[1])["backfill-hopeless"]["data"]
    [cost] = [row for row in shown.splitlines() if row.startswith("| cost")]
    milliseconds = float(cost.split(" | ")[1].strip(" |").replace(",", ""))
    _assert_all_is_paid(milliseconds / 1000 / 3600, runs)


def test_no_window_begins_as_a_child_run_once_the_budget_is_spent(
    workspace: Workspace, hand: Hand
) -> None:
    ingest("fake://6", "short")
    asked = {"window": 2, "approved": True, "child_runs": True}
    made = backfill("short", "true", FAKE, budget_gpu_hours=1e-9, **asked)
    assert (made["windows"], made["left"], made["shards_left"]) == (1, 4, 0)
    assert "budget" in made["stopped"]
    assert [run.state_type for run in _of_corpus("short")] == ["COMPLETED"]


@pytest.mark.parametrize("next_run", [embed, backfill])
def test_windows_that_a_killed_backfill_left_end_before_others_embed(
    workspace: Workspace, next_run: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child_runs, "CANCEL_WAIT_S", 0.0)  # these have no processes that could end
    ingest("fake://2", "c")
    root = workspace.store.root
    about = {"corpus": "c", "shards": ["000000"], "spec": FAKE.model_dump()}
    with get_client(sync_client=True) as client:
        made = {
            (store, name): client.create_flow_run(
                embed_window,
                parameters=about,
                tags=[child_runs.windows_tag(store, "c")],
                state=state,
            ).id
            for store in (root, "another")
            for name, state in (("at work", Running()), ("waiting", Scheduled()))
        }
        next_run("c", spec=FAKE, **({"approved": True} if next_run is backfill else {}))
        found = {key: client.read_flow_run(id).state_name for key, id in made.items()}
    assert videos(workspace, "c", "embed") == counts(2, 2, 0)
    assert found == {
        (root, "at work"): "Cancelling",
        (root, "waiting"): "Cancelled",
        ("another", "at work"): "Running",
        ("another", "waiting"): "Scheduled",
    }


def _runs(deployment: str, state: StateType) -> list[FlowRun]:
    """The runs of a deployment in a state."""
    with get_client(sync_client=True) as client:
        return client.read_flow_runs(
            deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=[deployment])),
            flow_run_filter=FlowRunFilter(
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[state]))
            ),
        )


def _of_corpus(corpus: str) -> list[FlowRun]:
    """The windows of a corpus that ended, those that failed first, as they began."""
    ended = [*_runs("embed-window", StateType.FAILED), *_runs("embed-window", StateType.COMPLETED)]
    tag = child_runs.windows_tag(Settings().root, corpus)  # of this try's store alone
    found = [run for run in ended if tag in run.tags]
    return sorted(found, key=lambda run: (run.state_type != "FAILED", run.start_time))


def _assert_all_is_paid(hours: float, runs: list[FlowRun]) -> None:
    """All the time that their workers were held, which is less than they ran."""
    seconds = sum(child_runs.read_held_s(run) for run in runs)
    assert hours * 3600 == pytest.approx(seconds, rel=0.01)
    assert 0 < seconds < sum(run.total_run_time.total_seconds() for run in runs)


def _shown(run: object) -> dict[str, Any]:
    """The artifacts of a flow run, by key."""
    chosen = {"flow_runs": {"id": {"any_": [str(run)]}}}
    found = asked(f"{PREFECT_API_URL.value()}/artifacts/filter", chosen)
    return {each["key"]: each for each in found}
