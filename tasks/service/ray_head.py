"""A Ray head that all runs of a machine share, instead of starting and stopping one each."""

import secrets
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from data.errors import UserError
from engines.runners.ray.cluster import find_ray_folder
from tasks.service.processes import Process, end_process, spawn_process

ATTEMPTS = 6  # Ray gives up after 30 s, within which a busy machine may not start it
STARTED = "Ray runtime started"
# Workers return small results; by default Ray would reserve a third of the memory for them.
OBJECT_STORE_BYTES = 256 * 2**20
TOKEN = "ray-token"  # noqa: S105 (the file's name)


def ensure_token(folder: Path) -> dict[str, str]:
    """Returns the environment with which a process may join, creating the token if needed."""
    file = folder / TOKEN
    if not file.exists():
        file.touch(mode=0o600)  # before the token is in it: no other user may read it
        file.write_text(secrets.token_hex(32))
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(file)}


def start_head(
    address: str, folder: Path, project: Path, environment: Mapping[str, str]
) -> Process:
    """Starts a head with this machine's cores and GPUs and waits until it is ready.

    It ends with its process; `ray stop` would end every Ray of the machine. Raises a UserError if
    no attempt succeeds.
    """
    log, port = folder / "ray.log", address.rpartition(":")[2]
    words = [
        sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block",
        f"--port={port}", f"--ray-client-server-port={find_free_port()}",
        "--include-dashboard=false", f"--object-store-memory={OBJECT_STORE_BYTES}",
        f"--temp-dir={find_ray_folder()}",
    ]  # fmt: skip
    for _ in range(ATTEMPTS):
        log.unlink(missing_ok=True)
        head = spawn_process("ray", words, log, project, environment)
        try:
            while head.alive:
                if STARTED in log.read_text(errors="replace"):
                    return head
                time.sleep(0.2)
        except BaseException:
            end_process(head)
            raise
    raise UserError(f"Ray did not start in {ATTEMPTS} attempts: see {log}")


def find_free_port() -> int:
    """Returns a port of this machine that is not in use."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
