"""The worker's process: loads the engine, then runs the jobs that come, each in a thread."""

import sys
import threading
import traceback
from multiprocessing.connection import Connection
from typing import Any

from engines.children import open_parent_socket
from engines.runners.pooled import OUTCOMES_AHEAD
from engines.runners.worker_logs import WorkerLogHandler

LOADED = -1  # in place of a job's number
# In place of a job's items: an outcome of it was taken, nobody reads the rest, is anybody there?
TAKEN, DROPPED, PING = "taken", "dropped", "ping"


def main() -> None:
    """Serves the parent on its socket until that is gone."""
    sock = open_parent_socket()
    connection = Connection(sock.fileno())
    sys.path[:] = connection.recv()  # as the parent's: engines may come from anywhere on it
    EngineWorker(connection).serve()


class EngineWorker:
    """Sends (job, kind, value): outcomes, log lines, an error or the end of a job."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._ahead: dict[int, threading.Semaphore] = {}
        self._dropped: set[int] = set()
        self._logs = WorkerLogHandler()
        self._logs.install()

    def serve(self) -> None:
        """Loads the engine that comes first, then runs what comes after it."""
        try:
            self._engine = self._connection.recv()()
            self._engine.load()
        except Exception as error:
            self._send(LOADED, "error", _to_portable(error))
            return
        self._send(LOADED, "end", None)
        while True:
            number, items = self._connection.recv()
            if items == PING:
                self._send(number, "end", None)
            elif items in (TAKEN, DROPPED):
                self._let_go_on(number, items)
            else:
                self._ahead[number] = threading.Semaphore(OUTCOMES_AHEAD)
                threading.Thread(target=self._run_job, args=(number, items), daemon=True).start()

    def _let_go_on(self, number: int, what: str) -> None:
        if (ahead := self._ahead.get(number)) is not None:  # else the job has ended
            if what == DROPPED:
                self._dropped.add(number)
            ahead.release()

    def _run_job(self, number: int, items: list[Any]) -> None:
        ahead = self._ahead[number]
        try:
            for outcome in self._engine.run(items):
                ahead.acquire()
                if number in self._dropped:
                    break
                self._send_logs(number)
                self._send(number, "outcome", outcome)
            self._send_logs(number)
            self._send(number, "end", None)
        except Exception as error:
            self._send(number, "error", _to_portable(error))
        finally:
            del self._ahead[number]
            self._dropped.discard(number)

    def _send_logs(self, number: int) -> None:
        for line in self._logs.drain_lines():
            self._send(number, "log", line)

    def _send(self, number: int, kind: str, value: Any) -> None:
        with self._sending:
            self._connection.send((number, kind, value))


def _to_portable(error: Exception) -> Exception:
    """The error with this process's traceback as a note; as a RuntimeError if it cannot travel."""
    import copy
    import pickle

    text = traceback.format_exc()
    error.add_note(text)
    try:
        pickle.dumps(error)
        copy.copy(error)  # as it is read: some can be written and not made again
        return error
    except Exception:
        return RuntimeError(text)
