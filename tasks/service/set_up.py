"""Sets a server up that has just been started: pools, deployments, automations, schedules."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from urllib.error import URLError
from urllib.request import urlopen

from data.errors import UserError
from data.settings import Settings
from tasks.service.automations import apply_automations
from tasks.service.commands import PREFECT
from tasks.service.orphans import end_orphans
from tasks.service.schedules import refresh_schedules
from tasks.service.server import open_client
from tasks.service.shipped import find_shipped
from tasks.service.work_pool import prepare_server

HEALTHY_S = 180.0  # for the server to answer: a fresh database is migrated first


def wait_healthy(api: str, check_alive: Callable[[], object] = lambda: None) -> None:
    """Returns once the server answers; a UserError if it takes longer than three minutes.

    `check_alive` is called now and then, and may raise an error of its own.
    """
    until = time.monotonic() + HEALTHY_S
    while time.monotonic() < until:
        check_alive()
        try:
            with urlopen(f"{api}/health", timeout=5):  # noqa: S310 (our own http://)
                return
        except (URLError, OSError):
            time.sleep(0.5)
    raise UserError(f"Prefect's server at {api} does not respond after {HEALTHY_S:.0f} s")


def set_up_server(settings: Settings, api: str, environment: Mapping[str, str]) -> None:
    """Creates what a server needs for our flows, deploys them, and brings schedules up to date."""
    with open_client(api) as client:
        prepare_server(client, settings)
        end_orphans(client)  # of runs that the last server's end has killed
    _run_prefect(["--no-prompt", "deploy", "--all"], environment)
    apply_automations(api)
    refresh_schedules(api)


def _run_prefect(words: list[str], environment: Mapping[str, str]) -> None:
    result = subprocess.run(
        [*PREFECT, *words], env=environment, cwd=find_shipped(),
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )  # fmt: skip
    if result.returncode:
        lines = (result.stderr or result.stdout).strip().splitlines()[-1:] or ["no output"]
        raise UserError(f"`prefect {' '.join(words)}` failed: {lines[0]}")


def main() -> None:
    """Sets up the server that PREFECT_API_URL names, once it answers; for a systemd unit."""
    api = os.environ["PREFECT_API_URL"]
    try:
        wait_healthy(api)
        set_up_server(Settings(), api, os.environ)
    except UserError as error:
        sys.exit(f"reelflow: {error}")


if __name__ == "__main__":
    main()
