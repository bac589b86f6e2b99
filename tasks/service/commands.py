"""The programs of the service on one machine, and the environment that their runs share."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from data.settings import Settings
from tasks.service.proxies import spare_loopback
from tasks.service.work_pool import BACKFILL_POOL, POOL

PREFECT = [sys.executable, "-m", "prefect"]
QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "RAY_USAGE_STATS_ENABLED": "0",
}
LEASES = "PREFECT_SERVER_CONCURRENCY"
LIMITS = {
    # In memory, the default, leases are lost with the server, and their slots never freed.
    f"{LEASES}_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    # A run that waits for GPUs asks again before the next window can start and ask.
    f"{LEASES}_MAXIMUM_CONCURRENCY_SLOT_WAIT_SECONDS": "5",
}
# The server may restart while runs go on: asked again for four minutes, also where it answers 500.
RETRIES = {"PREFECT_CLIENT_MAX_RETRIES": "7", "PREFECT_CLIENT_RETRY_EXTRA_CODES": "500"}


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """How the service is run: whether runs share a Ray, how many are at work, and extras."""

    ray: bool = False
    limit: int | None = None
    metrics: int | None = None  # port of the figures for Prometheus; None for none
    browse: int | None = None  # port of the page to look around the store; None for none


def service_commands(host: str, port: int, options: ServiceOptions) -> dict[str, list[str]]:
    """Returns the commands of the processes by name, the server's first, each to be started once.

    Backfills, which only wait for other runs, have a worker of their own and are not limited.
    """
    commands = {
        "server": [*PREFECT, "server", "start", "--host", host, "--port", str(port)],
        "backfill-worker": _worker_command(BACKFILL_POOL, "reelflow-backfills", None),
        "worker": _worker_command(POOL, "reelflow", options.limit),
    }
    if options.metrics is not None:
        command = [sys.executable, "-m", "tasks.service.metrics", str(options.metrics)]
        commands["metrics"] = command
    if options.browse is not None:
        # On this machine only, unless there is a password: it would end at once.
        reached = host if os.environ.get("REELFLOW_BROWSE_PASSWORD") else "127.0.0.1"
        command = [sys.executable, "-m", "flows.cli.main", "browse"]
        commands["browse"] = [*command, "--host", reached, "--port", str(options.browse)]
    return commands


def _worker_command(pool: str, name: str, limit: int | None) -> list[str]:
    limited = [] if limit is None else ["--limit", str(limit)]
    return [*PREFECT, "worker", "start", "--pool", pool, "--name", name, *limited]


def build_environment(settings: Settings, folder: Path, api: str) -> dict[str, str]:
    """Returns this process's environment with the service's API and an absolute store path.

    Without telemetry; `folder` is where Prefect keeps its database, unless PREFECT_HOME is set.
    """
    local = "://" not in settings.root
    ours = {
        "PREFECT_HOME": os.environ.get("PREFECT_HOME", str(folder / "prefect")),
        "PREFECT_API_URL": api,
        "PREFECT_LOGGING_LEVEL": "INFO",  # commands are quieter, but runs are for the UI
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",  # and so is the server that they start
        "REELFLOW_ROOT": str(Path(settings.root).resolve()) if local else settings.root,
    }
    return {**LIMITS, **RETRIES, **spare_loopback(os.environ), **QUIET, **ours}
