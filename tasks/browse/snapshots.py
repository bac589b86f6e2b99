"""Keeps a copy of the catalogue that is as new as the store, for a page that is open all day."""

import logging
import threading
import time

from data.catalog import merge
from data.catalog.database import catalog_path
from data.errors import UserError
from data.snapshot import SnapshotWorkspace, take_snapshot
from data.workspace import Workspace

WAIT_S = 2.0  # for a run that has the catalogue open; the page shows the last copy meanwhile
POLL_S, REMOTE_POLL_S = 4.0, 30.0
REST = 10  # times as long as a refresh took: a store that is written to all night needs its cores

log = logging.getLogger(__name__)


class SnapshotKeeper:
    """The newest copy, and why it is not newer if it cannot be."""

    def __init__(self, workspace: Workspace) -> None:
        settings = workspace.settings.model_copy(update={"wait_s": WAIT_S})
        self._workspace = Workspace(settings, workspace.store)
        self._current: SnapshotWorkspace | None = None
        self._stamp, self._seen = (0, 0, 0), (0, 0, 0)
        self._refreshing, self._stop = threading.Lock(), threading.Event()
        self.delayed: str | None = None

    @property
    def current(self) -> SnapshotWorkspace:
        """The newest copy; a UserError where none could be taken yet."""
        if self._current is None:
            self.refresh()
        if self._current is None:
            raise UserError(f"the catalogue cannot be read yet: {self.delayed}")
        return self._current

    def refresh(self) -> None:
        """Merges what the store has and the catalogue has not, and copies it if it has changed."""
        with self._refreshing:
            try:
                with self._workspace.open_catalog() as catalog:
                    merge.sync_all(catalog, self._workspace.store)
                status = catalog_path(
                    self._workspace.store, self._workspace.settings.catalog
                ).stat()
                stamp = status.st_ino, status.st_mtime_ns, status.st_size
                if stamp != self._stamp or self._current is None:
                    number = self._current.number + 1 if self._current else 1
                    self._current, self._stamp = take_snapshot(self._workspace, number), stamp
                self.delayed = None
            except (UserError, OSError) as error:  # the store is away, or a run has the catalogue
                self.delayed = str(error)

    def start(self) -> None:
        """Refreshes from now on, until `stop`."""
        threading.Thread(target=self._poll, daemon=True, name="snapshots").start()

    def stop(self) -> None:
        """Refreshes no more."""
        self._stop.set()

    def _poll(self) -> None:
        wait_s = POLL_S if self._workspace.store.is_local else REMOTE_POLL_S
        while not self._stop.wait(wait_s):
            begun = time.monotonic()
            try:
                self.refresh()
            except Exception:  # a page that stops to follow its store would be silently wrong
                log.exception("the catalogue's copy could not be refreshed")
                self.delayed = "the catalogue's copy could not be refreshed: see the log"
            least_s = POLL_S if self._workspace.store.is_local else REMOTE_POLL_S
            wait_s = max(least_s, REST * (time.monotonic() - begun))
