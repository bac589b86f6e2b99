"""`reelflow up` on a store of a test's own, and its runs as its API shows them."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

from data.settings import Settings
from support.running import asked, free_ports
from tasks.service.service import Service, read_service, service_folder, stop_service

T = TypeVar("T")
OVER = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


@dataclass
class Served:
    """A service on a store; `options` are those of `up`, and every start has the same port."""

    root: Path
    options: tuple[str, ...] = ()
    port: int = 0

    @property
    def settings(self) -> Settings:
        return Settings(root=str(self.root))

    @property
    def service(self) -> Service:
        service = read_service(service_folder(self.settings))
        assert service is not None
        return service

    def up(self) -> None:
        self.port = self.port or free_ports(1)[0]
        self.command("up", "--port", str(self.port), *self.options)

    def down(self) -> None:
        if service := read_service(service_folder(self.settings)):
            stop_service(service)

    def command(self, *words: str) -> str:
        """What a command on the store prints."""
        service = read_service(service_folder(self.settings))
        environment = os.environ | {
            **({"PREFECT_API_URL": service.api} if service and service.alive else {}),
            "PREFECT_HOME": str(service_folder(self.settings) / "prefect"),
            "PREFECT_WORKER_QUERY_SECONDS": "2",
            "REELFLOW_ROOT": str(self.root),
            "REELFLOW_RUNNER": "in_process",
            "REELFLOW_DECODERS": "1",
        }
        words = (sys.executable, "-m", "flows.cli.main", *words)
        ran = subprocess.run(words, env=environment, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def ask(self, path: str, body: dict | None = None) -> Any:
        return asked(f"{self.service.api}/{path}", body)

    def begin(self, deployment: str, **parameters: Any) -> str:
        """The id of a run of a deployment that is to begin now."""
        id = self.ask(f"deployments/name/{deployment}")["id"]
        body = {"state": {"type": "SCHEDULED"}, "parameters": parameters}
        return self.ask(f"deployments/{id}/create_flow_run", body)["id"]

    def state(self, run: str) -> str:
        return self.ask(f"flow_runs/{run}")["state_type"]

    def ended(self, run: str, seconds: float = 400) -> str:
        """How a run ended."""
        until(lambda: self.state(run) in OVER, seconds)
        return self.state(run)


@contextmanager
def listening() -> Iterator[tuple[str, list[dict]]]:
    """An address that listens, and what was posted to it."""
    heard: list[dict] = []

    class Ear(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *words: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Ear) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", heard
        server.shutdown()


def until(answer: Callable[[], T], seconds: float = 400) -> T:
    """What is answered once there is something, or at the end of the time."""
    end = time.monotonic() + seconds
    while not (found := answer()) and time.monotonic() < end:
        time.sleep(1)
    return found
