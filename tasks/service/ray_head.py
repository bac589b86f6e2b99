"""A Ray that all runs of a machine share, where each would begin one of its own and end it."""

import secrets
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from data.errors import UserError
from tasks.service.processes import Process, end, spawn

ATTEMPTS = 6  # Ray gives itself 30 s, which a busy machine may not
UP = "Ray runtime started"
OUTCOMES = 256 * 2**20  # bytes: what workers give back is small, the default a third of the memory
TOKEN = "ray-token"  # noqa: S105 (the file's name)


def access(folder: Path) -> dict[str, str]:
    """What lets a process in, in its environment; nobody else may read the token."""
    file = folder / TOKEN
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_hex(32))
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(file)}


def begin(address: str, folder: Path, project: Path, environment: Mapping[str, str]) -> Process:
    """A head with this machine's cores and GPUs, up; a UserError where none comes up.

    Other than by `ray stop`, which ends every Ray of a machine, it ends with its process.
    """
    log, port = folder / "ray.log", address.rpartition(":")[2]
    words = [
        sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block",
        f"--port={port}", f"--ray-client-server-port={free_port()}", "--include-dashboard=false",
        f"--object-store-memory={OUTCOMES}",
    ]  # fmt: skip
    for _ in range(ATTEMPTS):
        log.unlink(missing_ok=True)
        head = spawn("ray", words, log, project, environment)
        try:
            while head.alive:
                if UP in log.read_text(errors="replace"):
                    return head
                time.sleep(0.2)
        except BaseException:
            end(head)
            raise
    raise UserError(f"Ray did not come up, {ATTEMPTS} times: see {log}")


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
