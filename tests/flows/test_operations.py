"""The README's section on operating, typed line by line as it stands there."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from support import buckets, golden
from support.commands import wait_until
from support.paths import REPOSITORY
from support.running import asked, free_ports

from data.shards.stages import register_stage
from data.specs.pipeline import EmbedSpec
from data.store.storage import Store

README = REPOSITORY / "README.md"
SECTION = re.search(r"^## Operated every night$(.*?)^## ", README.read_text(), re.M | re.S)
TOPICS = dict(re.findall(r"^# ([A-Z][\w ]+):.*\n((?:[^`\n].*\n)+)", SECTION[1], re.M))
OVER = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
pytestmark = [pytest.mark.service, pytest.mark.timeout(900)]


class Terminal:
    """A shell on a machine: a home and a catalogue of its own."""

    def __init__(self, home: Path, places: dict[str, str], **environment: str) -> None:
        home.mkdir()
        self.places, self.log, self.count = places, home / "typed.log", 0
        own = {"HOME": str(home), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        self.environment = {k: v for k, v in os.environ.items() if k != "PREFECT_HOME"}
        self.process = subprocess.Popen(
            ["bash"], cwd=home, env=self.environment | own | environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log.open("w"),
        )  # fmt: skip

    def type(self, lines: str) -> str:
        """What the lines print; each must go well."""
        return "".join(self._typed(line) for line in lines.strip().splitlines())

    def begin(self, line: str) -> None:
        """A line that goes on until the machine is switched off."""
        self._send(f"exec {line}")

    def off(self) -> None:
        """Ends all that runs on the machine."""
        below = psutil.Process(self.process.pid).children(recursive=True)
        for process in (*below, self.process):
            process.kill()
        self.process.wait()

    def _typed(self, line: str) -> str:
        self.count += 1
        self._send(f"{line}\necho; echo typed-{self.count} $?")
        said = ""
        for read in self.process.stdout:
            if read.startswith(f"typed-{self.count} "):
                assert read.split()[1] == "0", f"{line}\n{said}\n{self.log.read_text()[-3000:]}"
                return said
            said += read
        raise AssertionError(f"the shell ended at {line}")

    def _send(self, text: str) -> None:
        for named, workspace in self.places.items():
            text = text.replace(named, workspace)
        self.process.stdin.write(f"{text}\n")
        self.process.stdin.flush()


class Walk:
    """The section on the way: the machine that is typed on, and what it is about."""

    def __init__(self, room: Path, port: int) -> None:
        self.room, self.port, self.typed = room, port, []
        self.videos, self.store, self.bucket = room / "videos", room / "store", room.name
        self.places = {
            "/data/reelflow": str(self.store), "/videos/cats": str(self.videos),
            "s3://bucket/": f"s3://videos/{self.bucket}/", ":4200": f":{port}",
        }  # fmt: skip
        self.first = self.machine("first")

    def machine(self, name: str) -> Terminal:
        return Terminal(
            self.room / name, self.places,
            PREFECT_SERVER_API_PORT=str(self.port), PREFECT_WORKER_QUERY_SECONDS="2",
            PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS="2",
            PREFECT_SERVER_SERVICES_SCHEDULER_MAX_RUNS="3",
            REELFLOW_RUNNER="in_process", REELFLOW_DECODERS="1", REELFLOW_SHARD_SIZE="2",
        )  # fmt: skip

    def topic(self, name: str) -> str:
        """What the lines of a topic are."""
        if name not in self.typed:  # a second try of a test types its topic again
            self.typed.append(name)
        return TOPICS[name]

    def film(self, *names: str) -> None:
        for name in names:
            golden.clip(self.videos / f"{name}.mp4", frames=6 + len(os.listdir(self.videos)))

    def ask(self, path: str, body: object = None) -> list | dict:
        """What the server says."""
        return asked(f"http://127.0.0.1:{self.port}/api/{path}", body)

    def runs(self, **chosen: object) -> list[dict]:
        """The flow runs, newest first."""
        return self.ask("flow_runs/filter", chosen | {"sort": "EXPECTED_START_TIME_DESC"})

    def ended(self, run: str) -> dict:
        """A run's state in the end."""

        def over() -> dict | None:
            state = self.ask(f"flow_runs/{run}")["state"]
            return state if state["type"] in OVER else None

        return wait_until(over, f"run {run} ended", 600)

    def logs(self, beginning: str) -> list[dict]:
        """What was logged lately and begins so."""
        lines = self.ask("logs/filter", {"limit": 200, "sort": "TIMESTAMP_DESC"})
        return [line for line in lines if line["message"].startswith(beginning)]

    def receipts(self) -> dict[str, bytes]:
        """What the store on disk has of `cats`, by name in the store."""
        found = self.store.glob("corpora/cats/embed/*/receipts/*.json")
        return {str(file.relative_to(self.store)): file.read_bytes() for file in found}

    def done(self) -> int:
        """Videos that are embedded."""
        rows = [row for receipt in self.receipts().values() for row in json.loads(receipt)["rows"]]
        return sum(row["reason"] is None for row in rows)


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    with pytest.MonkeyPatch.context() as env, buckets.served(env):
        room = tmp_path_factory.mktemp("operated")
        (room / "videos").mkdir()
        walk = Walk(room, free_ports(1)[0])
        walk.film("tom", "felix", "garfield")
        register_stage(
            Store(str(walk.store)), "cats", "embed", EmbedSpec(engine="fake"), "asked for"
        )
        try:
            yield walk
        finally:
            walk.first.type("reelflow down")
            walk.first.off()


def test_start(walk: Walk) -> None:
    """The corpus is one of the fake engine's: a model takes longer to load than all of this."""
    said = walk.first.type(walk.topic("Start"))
    assert f"export PREFECT_API_URL=http://127.0.0.1:{walk.port}/api" in said
    assert walk.done() == 3
    run = next(run for run in walk.runs() if run["name"] == "pipeline-cats")
    assert run["state"]["type"] == "COMPLETED"


def test_schedule(walk: Walk) -> None:
    walk.film("grumpy")
    walk.first.type(walk.topic("Schedule"))
    nightly = walk.ask("deployments/name/pipeline/nightly-cats")
    [made] = [each for each in nightly["schedules"] if each["active"]]
    assert made["schedule"]["cron"] == "0 2 * * *"
    assert made["schedule"]["timezone"] == "Europe/Berlin"
    mine = {"deployments": {"id": {"any_": [nightly["id"]]}}}
    run = wait_until(lambda: walk.runs(**mine), "the schedule had made runs", 600)[-1]
    due = datetime.fromisoformat(run["expected_start_time"].replace("Z", "+00:00"))
    assert due > datetime.now(UTC) and run["auto_scheduled"]
    now = {"type": "SCHEDULED", "state_details": {"scheduled_time": f"{datetime.now(UTC)}"}}
    walk.ask(f"flow_runs/{run['id']}/set_state", {"state": now, "force": True})
    assert walk.ended(run["id"])["type"] == "COMPLETED"
    assert walk.done() == 4
    said = wait_until(lambda: walk.logs("embed shard 000002: 1 done"), "its log had its shard")
    assert said[0]["task_run_id"]


def test_watch(walk: Walk) -> None:
    said = walk.first.type(walk.topic("Watch"))
    assert "pipeline-cats" in said and "reelflow" in said
    assert re.search(r"embed\D+4\D+4\D+0\D+0", said)
    assert "no failures in cats" in said


def test_backfill(walk: Walk) -> None:
    walk.film("maru", "lil-bub")
    walk.first.type("reelflow ingest /videos/cats --corpus cats")
    said = walk.first.type(walk.topic("Backfill"))
    assert "add --approve" in said
    windows = [run for run in walk.runs() if run["name"].startswith("embed-window")]
    assert windows and {run["state"]["type"] for run in windows} == {"COMPLETED"}
    assert walk.done() == 6


def test_resume(walk: Walk) -> None:
    """What a killed run leaves is a shard without its receipt; tests/faults has real kills."""
    before = walk.receipts()
    last = max(walk.store.glob("corpora/cats/embed/*/receipts/*.json"))
    last.unlink()
    times = {file: file.stat().st_mtime_ns for file in last.parent.iterdir()}
    walk.first.type(walk.topic("Resume"))
    assert set(walk.receipts()) == set(before) and walk.done() == 6
    assert {file: file.stat().st_mtime_ns for file in times} == times


def test_move_to_s3(walk: Walk) -> None:
    before, here = walk.receipts(), Store(str(walk.store))
    said = walk.first.type(walk.topic("Move to S3"))
    there = Store(f"s3://videos/{walk.bucket}/reelflow")
    for name in ("embed/current", "index/current"):
        assert there.read(f"corpora/cats/{name}") == here.read(f"corpora/cats/{name}")
    assert {name: there.read(name) for name in before} == before
    [folder] = {name.rpartition("/")[0] for name in before}
    assert there.list_names(folder) == sorted(before)
    assert re.search(r"^embed: 0 done in .*: nothing to do;", said, re.M), said


def test_add_a_machine(walk: Walk) -> None:
    """The first machine's worker is lost; the other's does what it would have done."""
    *settings, serve = walk.topic("Add a machine").strip().splitlines()
    second = walk.machine("second")
    try:
        second.type("\n".join(settings))
        second.begin(serve)
        workers = "work_pools/reelflow/workers/filter"
        wait_until(lambda: len(walk.ask(workers, {})) == 2, "both workers were heard of", 600)
        running = json.loads((walk.room / "first/service/service.json").read_text())
        [worker] = [each["pid"] for each in running["processes"] if each["name"] == "worker"]
        os.kill(worker, signal.SIGKILL)
        nightly = walk.ask("deployments/name/pipeline/nightly-cats")
        [made] = [each for each in nightly["schedules"] if each["active"]]
        now = {"parameters": made["parameters"]}
        run = walk.ask(f"deployments/{nightly['id']}/create_flow_run", now)
        assert walk.ended(run["id"])["type"] == "COMPLETED"
    finally:
        second.off()


def test_all_of_the_section_was_typed(walk: Walk) -> None:
    lines = re.search("```console\n(.*?)```", SECTION[1], re.S)[1].splitlines()
    shown = [line for line in lines if line and not line.startswith("#")]
    typed = "".join(TOPICS[topic] for topic in walk.typed).splitlines()
    assert [line for line in typed if not line.startswith("#")] == shown


def test_a_secret_of_the_environment_is_nowhere(walk: Walk) -> None:
    """Not in Prefect's databases, with their artifacts and logs, nor in a log, file or object."""
    there = Store(f"s3://videos/{walk.bucket}")
    held = {name: there.fs.cat_file(name) for name in there.fs.find(there.path(""))}
    held |= {str(f): f.read_bytes() for f in walk.room.rglob("*") if f.is_file()}
    assert sum(name.endswith("prefect.db") for name in held) == 2
    assert [name for name, said in held.items() if buckets.SECRET.encode() in said] == []
