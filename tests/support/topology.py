"""What compose.yaml describes, as processes of this machine, by the very commands it ships."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from glob import glob
from pathlib import Path
from typing import Any

import psutil

from support import packaging
from support.commands import wait_until
from support.running import answers, asked, free_ports, listens, started

BINARIES = [*glob("/usr/lib/postgresql/*/bin"), *os.environ["PATH"].split(os.pathsep)]
INITDB = shutil.which("initdb", path=os.pathsep.join(BINARIES))
NEWCOMER = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}  # never as root
TOKEN = secrets.token_hex(32)
UP = "Ray runtime started"
PAGE = 200  # the most lines of a log that Prefect gives at once
OVER = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


@contextmanager
def room() -> Iterator[Path]:
    """A folder with a short name: Ray's sockets lie in it."""
    room = Path(tempfile.mkdtemp(prefix="rf-", dir="/tmp"))
    try:
        yield room
    finally:
        shutil.rmtree(room, ignore_errors=True)


def environment(room: Path) -> dict[str, str]:
    """As the images have it, with a Prefect and a token of its own."""
    return os.environ | {
        "PREFECT_HOME": str(room / "prefect"),
        "PREFECT_LOGGING_LEVEL": "INFO",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": TOKEN,
        "RAY_USAGE_STATS_ENABLED": "0",
    }


def command(service: str) -> list[str]:
    """A service's command, by the programs of these tests; options that follow override its own."""
    program, *words = packaging.compose()["services"][service]["command"]
    return [str(Path(sys.executable).with_name(program)), *words]


class Postgres:
    """An empty database with a password, as elsewhere; it may fall and come back."""

    def __init__(self, room: Path) -> None:
        assert INITDB
        self.room, self.port, self.held = room, free_ports(1)[0], ExitStack()
        self.folder = tempfile.mkdtemp(prefix="reelflow-pg-", dir="/tmp")  # which anybody may enter
        word = packaging.GIVEN["POSTGRES_PASSWORD"]
        self.url = f"postgresql+asyncpg://prefect:{word}@127.0.0.1:{self.port}/postgres"

    def __enter__(self) -> "Postgres":
        if NEWCOMER:
            shutil.chown(self.folder, **NEWCOMER)
        password = Path(self.folder, "password")
        password.write_text(packaging.GIVEN["POSTGRES_PASSWORD"])
        if NEWCOMER:
            shutil.chown(password, **NEWCOMER)
        words = [INITDB, "-D", f"{self.folder}/data", "-U", "prefect", "-A", "scram-sha-256", "-N"]
        words.append(f"--pwfile={password}")
        subprocess.run(words, check=True, capture_output=True, cwd=self.folder, **NEWCOMER)
        self.rise()
        return self

    def __exit__(self, *error: Any) -> None:
        self.held.__exit__(*error)
        shutil.rmtree(self.folder, ignore_errors=True)

    def rise(self) -> None:
        words = [str(Path(INITDB or "").with_name("postgres")), "-D", f"{self.folder}/data"]
        words += ["-k", self.folder, "-h", "127.0.0.1", "-p", str(self.port)]
        how: dict[str, Any] = {"stop": signal.SIGINT, "cwd": self.folder} | NEWCOMER
        self.process = self.held.enter_context(started(self.room / "postgres", words, **how))
        wait_until(lambda: listens(self.port), "PostgreSQL listened", 300)

    def fall(self) -> None:
        """At once, without a word to whoever is connected, as after a crash."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(60)


class Ray:
    """A head that computes nothing, and nodes that come and go."""

    def __init__(self, room: Path, cores: int = 2) -> None:
        self.room, self.cores, self.held = room, cores, ExitStack()
        self.gcs, self.ui, self.client = free_ports(3)
        self.address = f"127.0.0.1:{self.gcs}"
        self.nodes: list[subprocess.Popen] = []

    def __enter__(self) -> "Ray":
        words = [*command("ray-head"), f"--port={self.gcs}", f"--dashboard-port={self.ui}",
                 "--dashboard-host=127.0.0.1", f"--ray-client-server-port={self.client}",
                 f"--temp-dir={self.room / 'ray'}"]  # fmt: skip
        self.head = ThreadPoolExecutor(1).submit(self._start, "ray-head", words)
        return self

    def __exit__(self, *error: Any) -> None:
        self.head.exception()  # once it is up, or never will be
        self.held.__exit__(*error)

    def join(self) -> None:
        """One more node, once the head is up."""
        self.head.result()
        where = [f"--address={self.address}", f"--num-cpus={self.cores}"]
        self.nodes.append(self._start("ray-worker", [*command("ray-worker"), *where]))

    def _start(self, name: str, words: list[str]) -> subprocess.Popen:
        """Up; started again where it gave up, as compose does: Ray is patient for 30 s alone."""
        for _ in range(5):
            metrics, listen, grpc, agent = free_ports(4)
            own = [f"--metrics-export-port={metrics}", f"--dashboard-agent-listen-port={listen}",
                   f"--dashboard-agent-grpc-port={grpc}", f"--runtime-env-agent-port={agent}",
                   "--object-store-memory=100000000"]  # fmt: skip
            log = self.room / f"{name}-{metrics}"
            env = environment(self.room)
            process = self.held.enter_context(started(log, [*words, *own], env=env))
            if _came_up(process, log):
                return process
        raise AssertionError(log.read_text())

    def fall(self, node: subprocess.Popen) -> None:
        """All processes of the node at once."""
        self.nodes.remove(node)
        for process in [*psutil.Process(node.pid).children(recursive=True), node]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        node.wait()

    def alive(self) -> int:
        """How many of the nodes are, with the head; an HTTPError without the token."""
        found = asked(self.list, Authorization=f"Bearer {TOKEN}")["data"]["result"]["result"]
        return sum(node["state"] == "ALIVE" for node in found)

    @property
    def list(self) -> str:
        return f"http://127.0.0.1:{self.ui}/api/v0/nodes"


@dataclass
class Prefect:
    """The server with its services inside, a worker, and every deployment."""

    room: Path
    database: Postgres
    settings: dict[str, str]  # of flows, beyond those of the profile
    held: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> "Prefect":
        port, *health = free_ports(3)
        self.api = f"http://127.0.0.1:{port}/api"
        server = environment(self.room) | {
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": self.database.url,
            "PREFECT_SERVER_API_PORT": str(port),
            "PREFECT_SERVER_DATABASE_CONNECTION_TIMEOUT": "60",  # of a machine that is busy
            "PREFECT_SERVER_DATABASE_TIMEOUT": "60",
        }
        flows = environment(self.room) | packaging.environment("profiles/cluster.env") | {
            "PREFECT_API_URL": self.api,
            "PREFECT_WORKER_WEBSERVER_HOST": "127.0.0.1",
        } | self.settings  # fmt: skip
        _once(command("prefect-migrate"), server)
        serve = [word for word in command("prefect-server") if word != "--no-services"]  # no Redis
        start = self.held.enter_context
        with ExitStack() as begun:
            begun.push(self.held)
            start(started(self.room / "prefect-server", serve, env=server))
            wait_until(lambda: answers(f"{self.api}/ready"), "Prefect was up", 600)
            workers = []
            for name, own in zip(("prefect-worker", "prefect-backfills"), health, strict=True):
                env = flows | {"PREFECT_WORKER_WEBSERVER_PORT": str(own)}
                workers.append(start(started(self.room / name, command(name), env=env)))
                page = f"http://127.0.0.1:{own}/health"
                wait_until(lambda page=page: answers(page), f"{name} polled", 600)
            self.worker = workers[0]
            _once(command("prefect-deploy"), flows)
            begun.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        self.held.__exit__(*error)

    def begin(self, deployment: str, parameters: dict[str, Any]) -> str:
        """A run of a deployment; its address."""
        found = asked(f"{self.api}/deployments/name/{deployment}")["id"]
        run = asked(f"{self.api}/deployments/{found}/create_flow_run", {"parameters": parameters})
        return f"{self.api}/flow_runs/{run['id']}"

    def ended(self, run: str) -> str | None:
        """The state that a run has ended in; None where it has not, or nobody can tell."""
        time.sleep(1)
        try:
            state = asked(run)["state"]
        except OSError:  # as while its database is away
            return None
        return str(state["name"]) if state["type"] in OVER else None

    def logged(self) -> list[dict[str, Any]]:
        """All lines of all runs, oldest first, with `message`, `level` and who said it."""
        found: list[dict[str, Any]] = []
        while True:
            chosen = {"limit": PAGE, "offset": len(found), "sort": "TIMESTAMP_ASC"}
            page = asked(f"{self.api}/logs/filter", chosen)
            found += page
            if len(page) < PAGE:
                return found


def _once(words: list[str], env: dict[str, str]) -> None:
    ran = subprocess.run(words, env=env, cwd=packaging.ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def _came_up(process: subprocess.Popen, log: Path) -> bool:
    """Whether a `ray start` did, or ended."""
    wait_until(lambda: process.poll() is not None or UP in log.read_text(), f"{log} was up", 600)
    return process.poll() is None
