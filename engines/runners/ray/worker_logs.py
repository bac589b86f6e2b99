"""What workers log, brought to the log of whoever runs them."""

import logging
import os
import socket
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass

ALIKE = 3  # lines of one wording that a worker tells: more would only fill the log
WAITING = 20  # lines that wait for the next outcome; the oldest go first

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Said:
    """A line of a worker's log, and who says it."""

    level: int
    text: str
    worker: str

    def tell(self) -> None:
        """Says it here."""
        log.log(self.level, "%s: %s", self.worker, self.text)


class Ear(logging.Handler):
    """Keeps what a worker's process logs: warnings of anybody, and what engines say of themselves.

    Of one wording it keeps the first few, whatever they are about.
    """

    def __init__(self) -> None:
        super().__init__()
        self._worker = f"worker {os.getpid()} on {socket.gethostname()}"
        self._waiting: deque[Said] = deque(maxlen=WAITING)
        self._alike: Counter[tuple[str, str]] = Counter()

    def listen(self) -> None:
        """Hears this process from now on."""
        logging.getLogger().addHandler(self)
        logging.getLogger("engines").setLevel(logging.INFO)

    def emit(self, record: logging.LogRecord) -> None:
        wording = record.name, str(record.msg)
        self._alike[wording] += 1
        if self._alike[wording] <= ALIKE:
            last = " (more like it are left out)" if self._alike[wording] == ALIKE else ""
            text = record.getMessage() + last
            self._waiting.append(Said(record.levelno, text, self._worker))

    def heard(self) -> Iterator[Said]:
        """What was said since this was asked last."""
        while self._waiting:
            yield self._waiting.popleft()
