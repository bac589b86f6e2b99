"""Joins the Ray of a cluster, or starts one on this machine."""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from data.errors import UserError
from data.private_files import open_private_folder

TRIES = 3  # a busy machine may not start Ray within the 30 s that Ray gives itself
# Ray reads these from the environment as it is imported. They are defaults for Ray, not settings of
# ours: what the user has set stays.
RAY_DEFAULTS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_raylet_start_wait_time_s": "300",  # of its workers, for their node: else 60
}

RAY_FOLDER = "reelflow-ray"

T = TypeVar("T")

log = logging.getLogger(__name__)


def connect_cluster(address: str | None) -> bool:
    """Joins the cluster at the address, or starts a Ray here; False where one is joined already.

    A UserError where there is no such cluster, or where Ray does not start.
    """
    for name, value in RAY_DEFAULTS.items():
        os.environ.setdefault(name, value)
    import ray

    if ray.is_initialized():
        return False
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address is None:  # outcomes are small: the default would reserve a third of the memory
        options |= {"include_dashboard": False, "object_store_memory": 256 * 2**20}
        options["_temp_dir"] = find_ray_folder()
        start_ray(lambda: ray.init(address="local", **options))
        return True
    try:
        ray.init(address=address, **options)
    except ConnectionError as error:
        raise UserError(
            f"cannot join a Ray cluster at {address}: start one with `ray start --head`, set"
            " RAY_AUTH_MODE=token and RAY_AUTH_TOKEN if it requires a token, or leave"
            " REELFLOW_RAY_ADDRESS unset to run on this machine"
        ) from error
    return True


def find_ray_folder() -> str:
    """Where a Ray of ours has its sockets, logs and spilled data: below a folder of this user."""
    # Below, since Ray opens its own folder to everybody.
    return str(open_private_folder(RAY_FOLDER) / "ray")


def start_ray(init: Callable[[], T], tries: int = TRIES) -> T:
    """The result of `init`, which starts a Ray; called again where that does not come up.

    A UserError where it never does.
    """
    for left in reversed(range(tries)):
        try:
            with _kill_started_on_error():
                return init()
        except Exception as error:  # Ray raises nothing more specific
            detail = " ".join(str(error).split())[:300]
            log.warning("Ray did not start: %s", detail)
            if not left:
                raise UserError(
                    f"Ray did not start on this machine in {tries} tries ({detail}): free cores,"
                    " memory and room in the temporary folder (where Ray's logs are in"
                    f" {RAY_FOLDER}-*/ray/session_latest/logs), or set REELFLOW_RUNNER=in_process"
                ) from error
    raise AssertionError("at least one try")


@contextmanager
def _kill_started_on_error() -> Iterator[None]:
    """Ends the processes started in a block that failed: Ray leaves them running."""
    import psutil

    before = set(psutil.Process().children(recursive=True))
    try:
        yield
    except Exception:
        for process in set(psutil.Process().children(recursive=True)) - before:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        raise
