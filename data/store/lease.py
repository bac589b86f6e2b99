"""A lease: one holder at a time where machines share nothing but an object store."""

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
from data.store.signals import allow_interrupts
from data.store.storage import Store

log = logging.getLogger(__name__)

FREE = b"{}"  # the content of a term that its holder has ended
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """Seconds between a holder's renewals, until a silent one counts as dead, between polls."""

    renew_s: float = 15.0
    dead_s: float = 60.0
    poll_s: float = 2.0


@contextmanager
def hold_lease(
    store: Store, name: str, activity: str, wait_s: float, on_wait: Callable[[str], None],
    holder: str | None = None, times: LeaseTimes = LeaseTimes(),
) -> Iterator[None]:  # fmt: skip
    """Holds the lease `locks/<name>` of a store, and renews it until the block ends.

    Each term is an object with a number; the highest holds. It begins by creating an object that
    does not exist yet (a conditional PUT): of two that try, one succeeds. A holder that has not
    renewed for `times.dead_s` seconds, by the store's clock alone, counts as dead and is replaced;
    so is one with the same `holder`, which names what only one process at a time can be.

    If another process holds it, waits up to `wait_s` seconds (`on_wait` gets one message that
    names it), then raises a UserError that names it too. A process that was declared dead, for
    example after its machine slept, is interrupted and gets a UserError.
    """
    folder = f"locks/{re.sub(r'[^A-Za-z0-9_-]', '-', name)}"
    term = _Term(store, folder, activity, holder, times)
    deadline, has_notified = time.monotonic() + wait_s, False
    while other := term.acquire():
        if not has_notified:
            on_wait(f"waiting for {other}, which {activity}")
        if time.monotonic() > deadline:
            raise UserError(f"{other} {activity}: wait for it, or stop it, then run this again")
        has_notified = True
        time.sleep(times.poll_s)
    # A process that was declared dead must not work on, even one that a shell runs in background.
    with allow_interrupts(), term:
        yield


def machine_id(lock: Path) -> str | None:
    """Identifies this machine, since its boot, by a lock file; None where that is impossible.

    The file's device and inode tell machines of the same host name and boot (containers) apart.
    """
    if not BOOT_ID.exists():
        return None
    status = lock.stat()
    return f"{socket.gethostname()} {BOOT_ID.read_text().strip()} {status.st_dev}:{status.st_ino}"


class _Term:
    """One tenure of a lease: acquired first, then, as a context, renewed by its own thread."""

    def __init__(
        self, store: Store, folder: str, activity: str, holder: str | None, times: LeaseTimes
    ) -> None:
        self.store, self.folder, self.activity = store, folder, activity
        self.holder, self.times = holder, times
        record = {"pid": os.getpid(), "host": socket.gethostname(), "here": holder}
        # Unique, so that the term can be told from one of the same process that was refused.
        self.content = json.dumps(record | {"is": uuid.uuid4().hex}).encode()
        self.name, self.is_lost, self.is_over = "", False, threading.Event()
        self.thread = threading.Thread(
            target=self._keep_renewing, name=f"lease {folder}", daemon=True
        )

    def acquire(self) -> str | None:
        """Tries to take the lease; returns who holds it, None once this process does."""
        while True:
            terms = self._list_terms()
            if terms and (other := self._live_holder(terms[-1])):
                return other
            number = int(Path(terms[-1]).stem) + 1 if terms else 1
            self.name = f"{self.folder}/{number:09d}.json"
            if self.store.write_if_absent(self.name, self.content) or self._is_own_term():
                if self._list_terms()[-1] == self.name:
                    for old in terms:
                        self.store.delete(old)
                    return None
                self.store.delete(self.name)  # others took later terms while this process slept

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        self.is_over.set()
        self.thread.join()
        if not self.is_lost:
            # Emptied, not deleted: the next term needs a number above this one.
            self.store.write(self.name, FREE)
        elif kind is None or issubclass(kind, KeyboardInterrupt):
            raise UserError(
                f"this process {self.activity}, but did not renew its lease in time and another"
                " process took over: run this again to see what is left"
            )

    def _list_terms(self) -> list[str]:
        return self.store.list_names(self.folder, ".json")

    def _is_own_term(self) -> bool:
        """Whether a refused write did arrive before, and only its answer was lost."""
        try:
            return self.store.read(self.name) == self.content
        except FileNotFoundError:
            return False

    def _live_holder(self, term: str) -> str | None:
        """The holder of a term; None if the term has ended or its holder is dead."""
        try:
            record = json.loads(self.store.read(term))
            if not record or (self.holder is not None and record["here"] == self.holder):
                return None
            age = self.store.read_clock(self.folder) - self.store.modified_at(term)
        except FileNotFoundError:
            return None
        is_dead = age > self.times.dead_s
        return None if is_dead else f"process {record['pid']} on {record['host']}"

    def _keep_renewing(self) -> None:
        renewed_at = time.monotonic()
        while not self.is_over.wait(self.times.renew_s):
            try:
                if self._list_terms()[-1] != self.name:
                    return self._mark_lost()
                self.store.write(self.name, self.content)
                renewed_at = time.monotonic()
            except Exception as error:
                # The store may be back before anybody takes this process for dead.
                log.warning("cannot renew %s: %s", self.name, error)
                if time.monotonic() - renewed_at > self.times.dead_s:
                    return self._mark_lost()

    def _mark_lost(self) -> None:
        self.is_lost = True
        if not self.is_over.is_set():  # interrupts the main thread, whatever it waits for
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
