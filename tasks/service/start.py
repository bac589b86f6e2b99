"""All of reelflow on one machine, begun: Prefect's server, deployments, a worker, a Ray."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from data.errors import UserError
from data.settings import Settings
from tasks.service.processes import Process, spawn
from tasks.service.ray_head import begin, free_port
from tasks.service.server import connected
from tasks.service.service import Service, folder_of, joining, read, stop
from tasks.service.work_pool import POOL, prepare

HEALTHY_S = 180.0  # a fresh database is migrated first
PREFECT = [sys.executable, "-m", "prefect"]
QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "RAY_USAGE_STATS_ENABLED": "0",
}
LEASES = "PREFECT_SERVER_CONCURRENCY"
LIMITS = {
    # In the server's memory, who holds what would be forgotten when it ends, and held for ever.
    f"{LEASES}_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    # A run that waits for GPUs asks so often: before the next window has come up to ask.
    f"{LEASES}_MAXIMUM_CONCURRENCY_SLOT_WAIT_SECONDS": "5",
}


def start(settings: Settings, host: str, port: int, ray: bool = False) -> Service:
    """Starts the server, deploys every flow, and starts a worker; a UserError where one fails.

    With `ray` the worker's runs share one. Where all of it runs already nothing is started again.
    """
    folder = folder_of(settings)
    running = read(folder)
    if running and running.alive:
        return running
    if running:
        stop(running)
    _offered(host, port)
    folder.mkdir(parents=True, exist_ok=True)
    address = f"127.0.0.1:{free_port()}" if ray else None
    service = Service(f"http://{host}:{port}", folder, (), address)
    environment = _environment(settings, service)
    try:
        if address:
            service = service.having(begin(address, folder, project(), environment))
        server = ["server", "start", "--host", host, "--port", str(port)]
        service = service.having(_spawn("server", server, folder, environment))
        _wait_healthy(service)
        with connected(service.api) as client:
            prepare(client, settings)
        _once(["--no-prompt", "deploy", "--all"], environment)
        worker = ["worker", "start", "--pool", POOL, "--name", "reelflow"]
        return service.having(_spawn("worker", worker, folder, environment))
    except BaseException:
        stop(read(folder) or service)
        raise


def _offered(host: str, port: int) -> None:
    """A UserError where nothing can listen there, which the server would find out last."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        raise UserError(
            f"Prefect's server cannot listen on port {port} of {host} ({error.strerror}): end what"
            " does, or choose another with --port"
        ) from error


def _environment(settings: Settings, service: Service) -> dict[str, str]:
    """As it is, but for what to talk to, no telemetry, and the store as an absolute path."""
    local = "://" not in settings.root
    ours = {
        "PREFECT_HOME": os.environ.get("PREFECT_HOME", str(service.folder / "prefect")),
        "PREFECT_API_URL": service.api,
        "PREFECT_LOGGING_LEVEL": "INFO",  # commands quieten their own
        "REELFLOW_ROOT": str(Path(settings.root).resolve()) if local else settings.root,
    }
    return {**LIMITS, **os.environ, **QUIET, **ours, **joining(service)}


def _spawn(name: str, words: list[str], folder: Path, environment: Mapping[str, str]) -> Process:
    return spawn(name, [*PREFECT, *words], folder / f"{name}.log", project(), environment)


def _once(words: list[str], environment: Mapping[str, str]) -> None:
    ran = subprocess.run(
        [*PREFECT, *words], env=environment, cwd=project(),
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )  # fmt: skip
    if ran.returncode:
        said = (ran.stderr or ran.stdout).strip().splitlines()[-1:] or ["it said nothing"]
        raise UserError(f"`prefect {' '.join(words)}` failed: {said[0]}")


def project() -> Path:
    """The folder of prefect.yaml; a UserError where reelflow is installed without it."""
    folder = Path(__file__).parents[2]
    if not (folder / "prefect.yaml").is_file():
        raise UserError(
            "prefect.yaml is not beside the installed packages: use a clone of reelflow"
        )
    return folder


def _wait_healthy(service: Service) -> None:
    until, server, log = time.monotonic() + HEALTHY_S, service.processes[-1], service.folder
    while time.monotonic() < until:
        if not server.alive:
            raise UserError(f"Prefect's server ended: {_last_line(log / 'server.log')}")
        try:
            with urlopen(f"{service.api}/health", timeout=5):  # noqa: S310 (our own http://)
                return
        except (URLError, OSError):
            time.sleep(0.5)
    raise UserError(f"Prefect's server does not answer: see {log / 'server.log'}")


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return f"{lines[-1].strip() if lines else 'it said nothing'} (see {log})"
