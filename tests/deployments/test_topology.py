"""What compose.yaml describes, as processes of this machine, by the very commands it ships.

PostgreSQL, Prefect's server on it, a Ray head and a Ray node, a worker of the process pool; then
`prefect deploy --all`, and a pipeline through all of it.
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from glob import glob
from pathlib import Path

import pytest
import shipped
from commands import wait_until
from running import answers, asked, free_ports, listens, started

BINARIES = [*glob("/usr/lib/postgresql/*/bin"), *os.environ["PATH"].split(os.pathsep)]
INITDB = shutil.which("initdb", path=os.pathsep.join(BINARIES))
NEWCOMER = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}  # never as root
TOKEN = secrets.token_hex(32)
PARAMETERS = {"corpus": "rehearsal", "source": "fake://40", "embed_spec": {"engine": "fake"}}
pytestmark = [
    pytest.mark.ray,
    pytest.mark.timeout(400),
    pytest.mark.skipif(INITDB is None, reason="PostgreSQL is not installed"),
]


def test_a_pipeline_goes_through_the_cluster_as_it_is_shipped() -> None:
    with ExitStack() as running:
        room = running.enter_context(_room())
        at = dict(zip(("db", "api", "gcs", "ui", "health"), free_ports(5), strict=True))
        running.enter_context(_ray_head(room, at))
        running.enter_context(_postgres(room, at["db"]))
        running.enter_context(_prefect(room, at))
        running.enter_context(_ray_node(room, at))
        nodes, api = f"http://127.0.0.1:{at['ui']}/api/v0/nodes", _api(at)
        wait_until(lambda: listens(at["ui"]), "Ray's dashboard was up", 120)
        with pytest.raises(urllib.error.HTTPError, match="401"):  # not without the token
            asked(nodes)
        wait_until(lambda: _alive(nodes) == 2, "both Ray nodes were there", 60)

        deployment = asked(f"{api}/deployments/name/pipeline/nightly")["id"]
        run = asked(f"{api}/deployments/{deployment}/create_flow_run", {"parameters": PARAMETERS})
        ended = wait_until(lambda: _ended(f"{api}/flow_runs/{run['id']}"), "the run ended", 240)

        assert ended == "Completed"
        receipts = (room / "store/corpora/rehearsal/embed").glob("*/receipts/*.json")
        assert sum(len(json.loads(file.read_text())["done"]) for file in receipts) == 40
        assert (room / "store/corpora/rehearsal/index/current").exists()


@contextmanager
def _postgres(room: Path, port: int) -> Iterator[None]:
    """An empty database, with a password as elsewhere."""
    assert INITDB
    folder = tempfile.mkdtemp(prefix="reelflow-pg-")
    try:
        if NEWCOMER:
            shutil.chown(folder, **NEWCOMER)
        password, data = Path(folder, "password"), f"{folder}/data"
        password.write_text(shipped.GIVEN["POSTGRES_PASSWORD"])
        words = [INITDB, "-D", data, "-U", "prefect", "-A", "scram-sha-256", "-N"]
        words.append(f"--pwfile={password}")
        subprocess.run(words, check=True, capture_output=True, cwd=folder, **NEWCOMER)
        server = [str(Path(INITDB).with_name("postgres")), "-D", data, "-k", folder]
        server += ["-h", "127.0.0.1", "-p", str(port)]
        how = {"stop": signal.SIGINT, "cwd": folder} | NEWCOMER
        with started(room / "postgres", server, **how):
            wait_until(lambda: listens(port), "PostgreSQL listened", 60)
            yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _ray_head(room: Path, at: dict[str, int]) -> Iterator[None]:
    """It computes nothing, and takes a while to come up."""
    words = [*_command("ray-head"), f"--port={at['gcs']}", f"--dashboard-port={at['ui']}",
             "--dashboard-host=127.0.0.1", f"--ray-client-server-port={free_ports(1)[0]}",
             f"--temp-dir={room / 'ray'}", *_own_ports()]  # fmt: skip
    with started(room / "ray-head", words, env=_environment(room)):
        yield


@contextmanager
def _ray_node(room: Path, at: dict[str, int]) -> Iterator[None]:
    """A node of two cores, once the head is up."""
    wait_until(lambda: listens(at["gcs"]), "the Ray head was up", 120)
    address = [f"--address=127.0.0.1:{at['gcs']}", "--num-cpus=2"]
    words = [*_command("ray-worker"), *address, *_own_ports()]
    with started(room / "ray-worker", words, env=_environment(room)):
        yield


def _own_ports() -> list[str]:
    """What two nodes on one machine must not share."""
    metrics, agent = free_ports(2)
    own = [f"--metrics-export-port={metrics}", f"--dashboard-agent-listen-port={agent}"]
    return ["--object-store-memory=100000000", *own]


@contextmanager
def _prefect(room: Path, at: dict[str, int]) -> Iterator[None]:
    """The server with its services inside, the worker, and every deployment."""
    url = f"postgresql+asyncpg://prefect:{shipped.GIVEN['POSTGRES_PASSWORD']}@127.0.0.1"
    server = _environment(room) | {
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"{url}:{at['db']}/postgres",
        "PREFECT_SERVER_API_PORT": str(at["api"]),
    }
    once = {"check": True, "capture_output": True, "timeout": 120, "cwd": shipped.ROOT}
    flows = _environment(room) | shipped.environment("profiles/cluster.env") | {
        "PREFECT_API_URL": _api(at),
        "PREFECT_WORKER_WEBSERVER_HOST": "127.0.0.1",
        "PREFECT_WORKER_WEBSERVER_PORT": str(at["health"]),
        "REELFLOW_CATALOG": str(room / "catalogue/catalog.duckdb"),
        "REELFLOW_CORES_PER_WORKER": "1",
        "REELFLOW_RAY_ADDRESS": f"127.0.0.1:{at['gcs']}",  # other Rays may run on this machine
        "REELFLOW_ROOT": str(room / "store"),
    }  # fmt: skip
    subprocess.run(_command("prefect-migrate"), env=server, **once)
    serve = [word for word in _command("prefect-server") if word != "--no-services"]  # no Redis
    with started(room / "prefect-server", serve, env=server):
        wait_until(lambda: answers(f"{_api(at)}/ready"), "Prefect was up", 120)
        with started(room / "prefect-worker", _command("prefect-worker"), env=flows):
            health = f"http://127.0.0.1:{at['health']}/health"
            wait_until(lambda: answers(health), "the worker polled", 90)
            subprocess.run(_command("prefect-deploy"), env=flows, **once)
            yield


def _environment(room: Path) -> dict[str, str]:
    """As the images have it, with a Prefect and a token of its own."""
    return os.environ | {
        "PREFECT_HOME": str(room / "prefect"),
        "PREFECT_LOGGING_LEVEL": "INFO",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": TOKEN,
    }


def _command(service: str) -> list[str]:
    """A service's command, by the programs of these tests; options that follow override its own."""
    program, *words = shipped.compose()["services"][service]["command"]
    return [str(Path(sys.executable).with_name(program)), *words]


@contextmanager
def _room() -> Iterator[Path]:
    """A folder with a short name: Ray's sockets lie in it."""
    room = Path(tempfile.mkdtemp(prefix="rf-", dir="/tmp"))
    try:
        yield room
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _api(at: dict[str, int]) -> str:
    return f"http://127.0.0.1:{at['api']}/api"


def _alive(nodes: str) -> int:
    """How many of Ray's nodes are."""
    found = asked(nodes, Authorization=f"Bearer {TOKEN}")["data"]["result"]["result"]
    return sum(node["state"] == "ALIVE" for node in found)


def _ended(run: str) -> str | None:
    """The state that the run has ended in, by Prefect's API."""
    time.sleep(1)
    state = asked(run)["state"]
    over = state["type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
    return str(state["name"]) if over else None
