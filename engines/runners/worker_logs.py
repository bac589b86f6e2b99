"""Forwards what workers log to the log of the process that runs them."""

import logging
import os
import socket
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass

from data.private_files import restrict_new_files
from data.visible import guard_logs

MAX_REPEATS = 3  # lines of one wording that a worker forwards: more would only fill the log
MAX_WAITING = 20  # lines that wait for the next outcome; the oldest are dropped first

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a worker's log, and the worker's name."""

    level: int
    text: str
    worker: str

    def forward(self) -> None:
        """Logs the line in this process."""
        log.log(self.level, "%s: %s", self.worker, self.text)


class WorkerLogHandler(logging.Handler):
    """Collects a worker process's log: warnings of any library, and the engines' own INFO lines.

    Of one wording it keeps the first few only, whatever their arguments are: a thousand videos
    with the same fault are one message.
    """

    def __init__(self) -> None:
        super().__init__()
        self._worker = f"worker {os.getpid()} on {socket.gethostname()}"
        self._waiting: deque[LogLine] = deque(maxlen=MAX_WAITING)
        self._repeats: Counter[tuple[str, str]] = Counter()

    def install(self) -> None:
        """Handles everything that this process logs from now on."""
        restrict_new_files()
        guard_logs()
        logging.getLogger().addHandler(self)
        logging.getLogger("engines").setLevel(logging.INFO)

    def emit(self, record: logging.LogRecord) -> None:
        wording = record.name, str(record.msg)
        self._repeats[wording] += 1
        if self._repeats[wording] <= MAX_REPEATS:
            is_last = self._repeats[wording] == MAX_REPEATS
            text = record.getMessage() + (
                " (further lines like it are left out)" if is_last else ""
            )
            self._waiting.append(LogLine(record.levelno, text, self._worker))

    def drain_lines(self) -> Iterator[LogLine]:
        """The lines collected since the last call."""
        while True:
            try:
                line = self._waiting.popleft()
            except IndexError:  # none is left; two jobs of a worker may drain at once
                return
            yield line
