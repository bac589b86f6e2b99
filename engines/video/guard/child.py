"""The parent's side of one decoder process, started on first use and again once it has died."""

import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Executor

from engines.children import start_child
from engines.video.guard.protocol import ConnectionClosed, Header, receive_message, send_message

START_TIMEOUT_S = 600.0  # imports take 2 to 6 s, on a crowded machine minutes
FINAL_KINDS = {"done", "failed", "user_error", "error"}


class ProcessDied(Exception):
    """The process ended before it had answered."""


class DecoderProcess:
    """One killable process. One thread sends requests; any thread may `kill` it."""

    def __init__(self, spawner: Executor, deadline_s: float) -> None:
        self.spawner, self.deadline_s = spawner, deadline_s
        self.process: subprocess.Popen | None = None
        self.sock: socket.socket | None = None

    def run_request(
        self, request: Header, is_wanted: Callable[[], bool]
    ) -> Iterator[tuple[Header, bytearray]]:
        """The messages that answer a request, up to a final one.

        ProcessDied where the process ends instead, TimeoutError where a message takes longer than
        the deadline. `is_wanted` is called once the process runs, which may have taken minutes.
        """
        complete = False
        try:
            sock = self._ensure_running()
            if not is_wanted():
                raise ProcessDied("no longer wanted")
            send_message(sock, request)
            # The first message comes after the imports, which are not the video's fault.
            header, body = receive_message(sock, START_TIMEOUT_S)
            while header["kind"] not in FINAL_KINDS:
                yield header, body
                header, body = receive_message(sock, self.deadline_s)
            complete = True
            yield header, body
        except ConnectionClosed as error:
            raise ProcessDied(self._describe_exit()) from error
        finally:
            # Left early, the rest of the answer would be taken for the next one's.
            if not complete:
                self.discard()

    def kill(self) -> None:
        """Kills the process; whoever waits for its answer gets ProcessDied."""
        if (process := self.process) is not None:
            process.kill()

    def discard(self) -> None:
        """Kills the process and forgets it; for the thread that sends requests."""
        process, sock, self.process, self.sock = self.process, self.sock, None, None
        if process is not None:
            process.kill()
            process.wait()
        if sock is not None:
            sock.close()

    def _ensure_running(self) -> socket.socket:
        if self.process is not None and self.process.poll() is not None:
            self.discard()
        if self.process is None:
            # The kernel kills a child when the *thread* that started it ends, so one thread that
            # lives as long as the guard starts them all.
            self.spawner.submit(self._start_process).result()
        assert self.sock is not None
        return self.sock

    def _start_process(self) -> None:
        self.process, self.sock = start_child("engines.video.guard.worker")

    def _describe_exit(self) -> str:
        if self.process is None:
            return "the decoder was ended"
        try:
            code = self.process.wait(5.0)
        except subprocess.TimeoutExpired:
            return "the decoder closed its connection"
        if code < 0:
            return f"the decoder was killed by {signal.Signals(-code).name}"
        return f"the decoder exited with code {code}"
