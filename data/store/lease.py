"""One holder at a time where machines share nothing but an object store."""

import json
import logging
import os
import re
import signal
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from data.errors import UserError
from data.store.signals import interruptible
from data.store.storage import Store

log = logging.getLogger(__name__)

FREE = b"{}"
BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between a holder's renewals, those after which it is dead, those between looks."""

    beat: float = 15.0
    dead: float = 60.0
    look: float = 2.0


@contextmanager
def lease(
    store: Store, name: str, what: str, wait_s: float, waiting: Callable[[str], None],
    here: str | None = None, pace: Pace = Pace(),
) -> Iterator[None]:  # fmt: skip
    """Holds the lease `locks/<name>` of a store, and renews it for as long as the block lasts.

    Each tenure is an object with a number; the highest holds. It begins by creating an object that
    is not there (a conditional PUT): of two that try, one does. A holder that has not renewed for
    `pace.dead` seconds, by the store's clock alone, is dead and is followed; so is one from `here`,
    which names what only one process at a time can be.

    Where another holds it, waits up to `wait_s` seconds (telling `waiting` once who it is), then
    raises a UserError that names the holder. A process that others have taken for dead, as after
    its machine slept, is interrupted and gets a UserError.
    """
    held = _Tenure(store, f"locks/{re.sub(r'[^A-Za-z0-9_-]', '-', name)}", what, here, pace)
    until, told = time.monotonic() + wait_s, False
    while who := held.taken():
        if not told:
            waiting(f"waiting for {who}, which {what}")
        if time.monotonic() > until:
            raise UserError(f"{who} {what}: wait for it, or stop it, then run this again")
        told = True
        time.sleep(pace.look)
    with interruptible(), held:  # who is taken for dead is interrupted, and must not work on
        yield


def machine(lock: Path) -> str | None:
    """Names this machine, as far as the lock file tells it from others; None where nothing can."""
    if not BOOT.exists():
        return None
    found = lock.stat()
    return f"{socket.gethostname()} {BOOT.read_text().strip()} {found.st_dev}:{found.st_ino}"


class _Tenure:
    """Once taken, and as a context, renewed by a thread of its own."""

    def __init__(self, store: Store, folder: str, what: str, here: str | None, pace: Pace) -> None:
        self.store, self.folder, self.what, self.here, self.pace = store, folder, what, here, pace
        said = {"pid": os.getpid(), "host": socket.gethostname(), "here": here}
        self.said = json.dumps(said | {"is": uuid.uuid4().hex}).encode()
        self.term, self.lost, self.over = "", False, threading.Event()
        self.thread = threading.Thread(target=self._renew, name=f"lease {folder}", daemon=True)

    def taken(self) -> str | None:
        """Who holds the lease; None where it is this process now."""
        while True:
            terms = self._terms()
            if terms and (who := self._alive(terms[-1])):
                return who
            number = int(Path(terms[-1]).stem) + 1 if terms else 1
            self.term = f"{self.folder}/{number:09d}.json"
            if self.store.claim(self.term, self.said) or self._mine():
                if self._terms()[-1] == self.term:
                    for old in terms:
                        self.store.delete(old)
                    return None
                self.store.delete(self.term)  # while this process slept, others went on

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        self.over.set()
        self.thread.join()
        if not self.lost:
            self.store.write(self.term, FREE)
        elif kind is None or issubclass(kind, KeyboardInterrupt):
            raise UserError(
                f"this process {self.what}, but showed no sign of life and another has gone on:"
                " run this again to see what is left"
            )

    def _terms(self) -> list[str]:
        return self.store.names(self.folder, ".json")

    def _mine(self) -> bool:
        """Whether the claim that was refused was made before, and only its answer was lost."""
        try:
            return self.store.read(self.term) == self.said
        except FileNotFoundError:
            return False

    def _alive(self, term: str) -> str | None:
        """The holder of a tenure, unless it is over or dead."""
        try:
            said = json.loads(self.store.read(term))
            if not said or (self.here is not None and said["here"] == self.here):
                return None
            age = self.store.now(self.folder) - self.store.modified(term)
        except FileNotFoundError:
            return None
        return None if age > self.pace.dead else f"process {said['pid']} on {said['host']}"

    def _renew(self) -> None:
        renewed = time.monotonic()
        while not self.over.wait(self.pace.beat):
            try:
                if self._terms()[-1] != self.term:
                    return self._lose()
                self.store.write(self.term, self.said)
                renewed = time.monotonic()
            except Exception as error:
                log.warning("cannot renew %s: %s", self.term, error)
                if time.monotonic() - renewed > self.pace.dead:
                    return self._lose()

    def _lose(self) -> None:
        self.lost = True
        if not self.over.is_set():  # wakes the main thread, whatever it waits for
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
