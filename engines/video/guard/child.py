"""The parent's side of one child process, started when first asked and again once it has died."""

import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from pathlib import Path

from engines.video.guard.protocol import Closed, Header, receive, send

ROOT = Path(__file__).parents[3]
BOOT = """
import sys; sys.path.insert(0, sys.argv[1])
from engines.video.guard.worker import main; main()
"""
START_S = 600.0  # imports take 2 to 6 s, on a crowded machine minutes: no fault of the video's
FINAL = {"done", "failed", "mend", "error"}


class Died(Exception):
    """The process ended before it had answered."""


class Child:
    """One killable process. One thread asks; any thread may `end` it."""

    def __init__(self, spawner: Executor, deadline_s: float) -> None:
        self.spawner, self.deadline_s = spawner, deadline_s
        self.process: subprocess.Popen | None = None
        self.sock: socket.socket | None = None

    def ask(
        self, request: Header, wanted: Callable[[], bool]
    ) -> Iterator[tuple[Header, bytearray]]:
        """The child's messages, up to the one that ends its answer.

        `Died` when it ends instead, TimeoutError when the wait for a message is too long. Left
        early or on any error, the process is gone. `wanted` is asked once the process runs.
        """
        whole = False
        try:
            sock = self._running()
            if not wanted():
                raise Died("no longer wanted")
            send(sock, request)
            header, body = receive(sock, START_S)
            while header["kind"] not in FINAL:
                yield header, body
                header, body = receive(sock, self.deadline_s)
            whole = True
            yield header, body
        except Closed as error:
            raise Died(self._epitaph()) from error
        finally:
            if not whole:
                self.discard()

    def end(self) -> None:
        """Kills the process; whoever waits for it gets `Died`."""
        if (process := self.process) is not None:
            process.kill()

    def discard(self) -> None:
        """Kills the process and forgets it; for the thread that owns this child."""
        process, sock, self.process, self.sock = self.process, self.sock, None, None
        if process is not None:
            process.kill()
            process.wait()
        if sock is not None:
            sock.close()

    def _running(self) -> socket.socket:
        if self.process is not None and self.process.poll() is not None:
            self.discard()
        if self.process is None:
            # The kernel kills a child when the *thread* that started it ends, so one thread that
            # lives as long as the guard starts them all.
            self.spawner.submit(self._start).result()
        assert self.sock is not None
        return self.sock

    def _start(self) -> None:
        self.sock, theirs = socket.socketpair()
        with theirs:
            fd = theirs.fileno()
            command = [sys.executable, "-c", BOOT, str(ROOT), str(fd)]
            quiet = subprocess.DEVNULL
            self.process = subprocess.Popen(command, stdin=quiet, stdout=quiet, pass_fds=[fd])

    def _epitaph(self) -> str:
        if self.process is None:
            return "the decoder was ended"
        try:
            code = self.process.wait(5.0)
        except subprocess.TimeoutExpired:
            return "the decoder closed its connection"
        if code < 0:
            return f"the decoder died of {signal.Signals(-code).name}"
        return f"the decoder exited with code {code}"
