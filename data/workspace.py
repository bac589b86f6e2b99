"""The store and its catalogue, as one run uses them."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from data.catalog import merge
from data.catalog.database import Catalog, catalog_path, new_catalog, open_catalog
from data.errors import UserError
from data.settings import Settings
from data.store import layout
from data.store.lease import lease, machine
from data.store.lock import hold
from data.store.storage import Store


@dataclass(frozen=True)
class Workspace:
    """Opened with `open_workplace`; the catalogue is opened for a moment at a time."""

    settings: Settings
    store: Store

    @contextmanager
    def catalog(self) -> Iterator[Catalog]:
        path = catalog_path(self.store, self.settings.catalog)
        with open_catalog(path, self.settings.wait_s) as catalog:
            yield catalog

    @contextmanager
    def only_run(self, corpus: str, stage: str, waiting: Callable[[str], None]) -> Iterator[None]:
        """Held by the one run that may work on a corpus's stage; others wait for it."""
        name, folders = f"{layout.corpus(corpus)}/{stage}", layout.written_by(corpus, stage)
        with self._alone(name, f"runs {stage} on {corpus}", folders, waiting):
            yield

    @contextmanager
    def only_writer(self, folder: str, does: str, waiting: Callable[[str], None]) -> Iterator[None]:
        """Held by the one process that may write in a folder of the store; others wait for it.

        `does` is what it does there, as others are told: "generates 1a2b".
        """
        with self._alone(folder, does, [folder], waiting):
            yield

    @contextmanager
    def only_folder(self, folder: str, waiting: Callable[[str], None]) -> Iterator[None]:
        """Held by the one process that may write in a folder outside of the store; others wait."""
        name = f"folder-{hashlib.sha256(folder.encode()).hexdigest()[:16]}"
        with self._alone(name, f"writes {folder}", [], waiting):
            yield

    @contextmanager
    def _alone(
        self, name: str, what: str, folders: list[str], waiting: Callable[[str], None]
    ) -> Iterator[None]:
        near = catalog_path(self.store, self.settings.catalog).parent
        locks = self.store.local("locks") if self.store.is_local else near / "locks"
        lock, wait_s = locks / f"{name.replace('/', '-')}.lock", self.settings.wait_s
        with ExitStack() as held:
            held.enter_context(hold(lock, what, wait_s, waiting))
            if not self.store.is_local:  # the lock keeps off this machine, the lease all others
                here = machine(lock)
                held.enter_context(lease(self.store, name, what, wait_s, waiting, here))
            for folder in folders:
                self.store.drop_partials(folder)
            yield

    def corpora(self) -> list[str]:
        return [c.rsplit("/", 1)[-1] for c in self.store.names("corpora")]

    def known(self, corpus: str) -> str:
        """The corpus's name, where it has been ingested; a UserError where it has not."""
        if self.store.names(layout.videos(corpus)):
            return corpus
        there = ", ".join(self.corpora()) or "none yet"
        raise UserError(
            f"no corpus {corpus!r} in {self.store.root} (there: {there}):"
            f" make it with `reelflow ingest SRC --corpus {corpus}`"
        )

    def rebuild_catalog(self) -> None:
        """Makes the catalogue again from the store."""
        path = catalog_path(self.store, self.settings.catalog)
        with new_catalog(path, self.settings.wait_s) as catalog:
            merge.sync_all(catalog, self.store)


def open_workspace(settings: Settings) -> Workspace:
    """The workplace that the settings name."""
    return Workspace(settings, Store(settings.root))
