"""What tests share: a private Prefect, a store of one's own, small real clips, one Ray."""

import atexit
import os
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.plain import PlainFlows

# Before anything imports prefect or ray: no telemetry, nothing written outside the test run.
os.environ["PREFECT_HOME"] = tempfile.mkdtemp(prefix="reelflow-prefect-")
os.environ["PREFECT_LOGGING_LEVEL"] = "WARNING"
os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "240")
os.environ.setdefault("PREFECT_SERVER_DATABASE_TIMEOUT", "60")  # of a machine that is busy
os.environ["DO_NOT_TRACK"] = "1"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
# The hundreds of processes that tests start spend half of their start on compiling what they
# import, where Python may not keep what it compiled.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ.setdefault("RAY_raylet_start_wait_time_s", "240")  # where others keep the machine busy

from support import buckets, golden, needs, orphans
from support.decoders import DecoderStock
from support.paths import NO_CLIPS, REAL_CLIPS, TESTS

from data.settings import Settings
from data.workspace import Workspace, open_workspace

# Over half a minute each, the longest first; those that wait most are begun together.
LONG = (
    "flows/test_operations.py", "tasks/service/test_service.py", "deployments/test_topology.py",
    "tasks/service/test_turns.py", "deployments/test_wheel.py", "flows/test_bad_rows.py",
    "faults/test_ray.py", "faults/test_six_metrics.py", "faults/test_chaos.py",
    "engines/tiny/t2v/test_bundled.py", "flows/test_backfill.py", "flows/test_index.py",
    "tasks/embed/test_windows.py", "flows/test_backfill_large.py", "flows/test_fvd.py",
    "faults/test_kill_motion.py", "test_gpu.py",
)  # fmt: skip
# What tests of many processes need: which of them is late, or dies, is the machine's doing too, so
# they are tried once more, and listed at the end, whatever they failed by.
PROCESSES = ("browser", "commands", "postgres", "ray", "service")
# And those that time what they wait for, each in a folder of its own.
TIMED = (
    "data/store/test_lease.py", "engines/video/guard/test_guard.py",
    "engines/video/guard/test_guard_faults.py", "engines/runners/test_process.py",
    "engines/embed/test_hub.py", "flows/test_bad_rows.py", "flows/test_embed.py",
    "flows/test_annotate.py", "flows/test_evaluate.py", "flows/test_surroundings.py",
    "tasks/service/test_top.py", "tasks/service/test_processes.py",
)  # fmt: skip
SLOW_S = 10.0  # of a test that nobody marked slow; on a machine at rest these take 1 s at most
CAPTIONS = ("a wave in colours", "stripes that move", "something short", "a picture that counts")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what tests need, and which run twice if they fail; the longest files come first."""
    timed = {TESTS / name for name in TIMED}
    for item in items:
        needs.mark(item)
        many = any(item.get_closest_marker(name) for name in PROCESSES)
        if many or item.path in timed:
            item.add_marker(pytest.mark.flaky(reruns=1, only_rerun="."))
        if item.get_closest_marker("real_clips") and not REAL_CLIPS.is_dir():
            item.add_marker(pytest.mark.skip(NO_CLIPS))
    order = {TESTS / name: number - len(LONG) for number, name in enumerate(LONG)}
    items.sort(key=lambda item: order.get(item.path, item.path.is_relative_to(TESTS / "data")))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """One thread, whatever the test before left: more only spin, and round differently."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many tests were skipped for want of what: of clips, of a browser, of PostgreSQL."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    for reason, count in reasons.most_common():
        terminalreporter.write_line(f"{count} skipped: {reason}")
    passed = terminalreporter.stats.get("passed", [])
    tried = [n for r in passed for name, n in r.user_properties if name == "samplings"]
    if tried:
        line = f"containers x codecs x times: {len(tried)} clips in {sum(tried)} samplings"
        terminalreporter.write_line(line)
    if "slow" in terminalreporter.config.option.markexpr:  # `make check` leaves these out
        for report in terminalreporter.stats.get("passed", []):
            if report.when == "call" and report.duration > SLOW_S:
                line = f"{report.nodeid} took {report.duration:.0f} s: is it to be marked slow?"
                terminalreporter.write_line(line)


def pytest_configure(config: pytest.Config) -> None:
    """What a shell runs in the background ignores interrupts, by which Prefect's workers end."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if not hasattr(config, "workerinput"):
        orphans.mark_processes()


def pytest_unconfigure(config: pytest.Config) -> None:
    import shutil

    if not hasattr(config, "workerinput"):
        orphans.end_orphans()
    shutil.rmtree(os.environ["PREFECT_HOME"], ignore_errors=True)
    atexit.register(_silence)


def _silence() -> None:
    """DuckDB's binding lists at the end what a process with threads has not freed."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


@pytest.fixture(scope="session")
def prefect_backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Prefect's API for flows, once per session: 6 s that plain functions need not pay."""
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
    from prefect.testing import utilities

    from tasks.service.fresh_database import NAME, prepare_database

    folder = tmp_path_factory.mktemp("prefect")
    prepare_database(folder)
    (folder / NAME).rename(folder / "prefect-test.db")  # as Prefect's own harness calls it
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utilities, "mkdtemp", lambda: str(folder))
        with (
            utilities.prefect_test_harness(server_startup_timeout=None),
            temporary_settings(updates={PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
        ):
            yield


@pytest.fixture(scope="module")
def plain_flows() -> "Iterator[PlainFlows]":
    """Flows as the functions that they are, but in tests that ask for `prefect_backend` too."""
    from support.plain import PlainFlows

    plain = PlainFlows()
    with pytest.MonkeyPatch.context() as patch:
        plain.patch(patch)
        yield plain
    plain.close()


@pytest.fixture(autouse=True)
def _plain_or_not(request: pytest.FixtureRequest) -> Iterator[None]:
    if "plain_flows" not in request.fixturenames:
        yield
        return
    plain = request.getfixturevalue("plain_flows")
    with plain.switched("prefect_backend" not in request.fixturenames):
        yield


@pytest.fixture
def served_backend(prefect_backend: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for commands in processes of their own, which else start a server each."""
    from prefect.settings import PREFECT_API_URL

    monkeypatch.setenv("PREFECT_API_URL", PREFECT_API_URL.value())


@pytest.fixture(scope="session")
def _decoders() -> Iterator[DecoderStock]:
    stock = DecoderStock()
    yield stock
    stock.close()


@pytest.fixture
def workspace(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    _decoders: DecoderStock,
) -> Iterator[Workspace]:  # fmt: skip
    """An empty store that flows find too, with work done in this process."""
    with _decoders.shared():
        yield _place(tmp_path / "store", monkeypatch, "real_canary" in request.keywords)


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub that cannot be reached, and no weights that were fetched from it before."""
    import huggingface_hub

    from engines.embed import hub

    def refuse(*_: object) -> None:
        raise ConnectionError("no route")

    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: None)
    monkeypatch.setattr(hub, "_find_file", refuse)


@pytest.fixture(scope="module")
def object_store() -> Iterator[buckets.Bucket]:
    """A bucket served on this machine, one for all tests of a file."""
    with pytest.MonkeyPatch.context() as patch, buckets.served(patch) as served:
        yield served


@pytest.fixture
def bucket(object_store: buckets.Bucket) -> Iterator[buckets.Bucket]:
    """The same, of which no request fails that the test did not ask to."""
    yield object_store
    object_store.fail(0)


@pytest.fixture(scope="module")
def shared_workspace(
    tmp_path_factory: pytest.TempPathFactory, _decoders: DecoderStock
) -> Iterator[Workspace]:
    """As `place`, one for all tests of a file: what they look at is made once."""
    with pytest.MonkeyPatch.context() as patch, _decoders.shared():
        yield _place(tmp_path_factory.mktemp("shared") / "store", patch)


def _place(root: Path, patch: pytest.MonkeyPatch, real_canary: bool = False) -> Workspace:
    patch.setenv("REELFLOW_ROOT", str(root))
    patch.setenv("REELFLOW_RUNNER", "in_process")
    patch.setenv("REELFLOW_DECODERS", "1")  # each is a process that imports what it needs
    patch.setenv("REELFLOW_PICTURED", "0")  # contact sheets take a second each
    if not real_canary:
        _cheap_canary(patch)
    return open_workspace(Settings())


def _cheap_canary(patch: pytest.MonkeyPatch) -> None:
    """A canary of fakes: the real clips make every decoder import torch, some 3 s a run."""
    import tasks.embed.canary
    from data.records import Video

    made = [Video(f"canary/{n}", f"fake://canary{n}", "") for n in "ab"]
    patch.setattr(tasks.embed.canary, "_write_clips", lambda store: made)


@pytest.fixture(scope="session")
def _clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for n, caption in enumerate(CAPTIONS):
        golden.clip(folder / f"clip-{n}.mp4", frames=10 + 8 * n, draw=_shade(n))
        (folder / f"clip-{n}.txt").write_text(caption)
    return folder


@pytest.fixture
def clips(_clips: Path, tmp_path: Path) -> Path:
    """A folder of four small real clips, `clip-0.mp4` with its caption in `clip-0.txt`, and on."""
    import shutil

    return Path(shutil.copytree(_clips, tmp_path / "clips"))


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[str]:
    """The address of a Ray started once per session, on which runners come and go."""
    import ray

    from engines.runners.ray.cluster import start_ray

    with pytest.MonkeyPatch.context() as patch:  # workers import engines from the tests too
        patch.setenv("PYTHONPATH", os.pathsep.join([str(TESTS), str(TESTS.parent)]))
        init = partial(
            ray.init, "local", num_cpus=4, num_gpus=2, include_dashboard=False, log_to_driver=False,
            logging_level="ERROR", object_store_memory=128 * 2**20,
        )  # fmt: skip
        started = start_ray(init)
        yield started.address_info["address"]
        ray.shutdown()


def _shade(n: int):
    """Numbered frames whose colours differ from clip to clip."""

    def draw(number: int, size: tuple[int, int]):
        image = golden.picture(number, size)
        image[golden.BAR :] = image[golden.BAR :] // 4 * (n + 1)
        return image

    return draw
