"""The parent's side of a worker's process: jobs go in, the messages of each come back."""

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from multiprocessing.connection import Connection
from typing import Any

from engines.base import Engine
from engines.children import start_child
from engines.runners.pooled import Job, WorkerDied
from engines.runners.process.worker import LOADED, PING, TAKEN

WORKER = "engines.runners.process.worker"

Messages = queue.SimpleQueue[tuple[str, Any]]


class WorkerProcess:
    """A process that loads an engine at once; several threads may send it jobs."""

    def __init__(self, make: Callable[[], Engine], spawner: Executor) -> None:
        # As Ray's: decoders of one worker compute side by side, and none needs all cores.
        environment = {"OMP_NUM_THREADS": "1"} | os.environ
        start = spawner.submit(start_child, WORKER, environment, subprocess.DEVNULL)
        self._process, sock = start.result()
        self._connection = Connection(sock.detach())
        self._changing = threading.Lock()
        # Of its own: with a lock that readers need, both sides could wait for room in the socket.
        self._sending = threading.Lock()
        self._load: Messages = queue.SimpleQueue()
        self._streams: dict[int, Messages] = {LOADED: self._load}
        self._dead, self._count = False, 0
        self._loaded: tuple[str, Any] | None = None
        threading.Thread(target=self._receive, daemon=True).start()
        self._send(sys.path)
        self._send(make)

    def wait_loaded(self, deadline_s: float) -> None:
        """Returns once the engine has loaded; raises what it raises, or WorkerDied."""
        if self._loaded is None:
            try:
                self._loaded = self._load.get(timeout=deadline_s)
            except queue.Empty:
                raise WorkerDied(f"not loaded within {deadline_s:g} s") from None
        kind, value = self._loaded
        if kind == "error":
            raise value
        if kind == "died":
            raise WorkerDied("its process died while loading")

    def is_alive(self, deadline_s: float) -> bool:
        """Whether the process answers."""
        if self._dead:
            return False
        try:
            return self.submit(PING).stream[1].get(timeout=deadline_s)[0] == "end"
        except queue.Empty:
            return False

    def submit(self, items: Any) -> Job:
        """Sends a job; its stream gives its messages, the last of which ends it."""
        stream: Messages = queue.SimpleQueue()
        with self._changing:
            self._count += 1
            number = self._count
            self._streams[number] = stream
            if self._dead:
                stream.put(("died", None))
        self._send((number, items))
        return Job(self, items, (number, stream))

    def acknowledge(self, job: Job, what: str = TAKEN) -> None:
        """Lets the worker send one more outcome of the job, or end it where it was DROPPED."""
        self._send((job.stream[0], what))

    def kill(self) -> None:
        """Kills the process; jobs under way end as died."""
        self._process.kill()
        self._process.wait()

    def _send(self, message: Any) -> None:
        try:
            with self._sending:
                self._connection.send(message)
        except OSError:
            pass  # it has died: whoever waits for an answer is told so by `_receive`

    def _receive(self) -> None:
        try:
            while True:
                number, kind, value = self._connection.recv()
                stream = self._streams[number]
                if kind in ("end", "error"):
                    with self._changing:
                        del self._streams[number]
                stream.put((kind, value))
        except (EOFError, OSError):
            with self._changing:
                self._dead = True
                for stream in self._streams.values():
                    stream.put(("died", None))
