"""The store, its catalogue and its locks, as one run uses them."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from data.catalog import merge
from data.catalog.database import Catalog, catalog_path, create_catalog, load_sql, open_catalog
from data.catalog.filters import select_videos
from data.catalog.origin import follow_store
from data.errors import UserError
from data.settings import Settings
from data.store import layout
from data.store.identity import ensure_store_id
from data.store.last_ingest import describe_failure
from data.store.lease import hold_lease, machine_id
from data.store.lock import hold_lock
from data.store.storage import Store


@dataclass(frozen=True)
class Workspace:
    """A store with its settings; `open_workspace` makes one."""

    settings: Settings
    store: Store

    @contextmanager
    def open_catalog(self) -> Iterator[Catalog]:
        """The catalogue, for the block; keep that short, since one process at a time has it."""
        path = catalog_path(self.store, self.settings.catalog)
        with open_catalog(path, self.settings.wait_s) as catalog:
            follow_store(catalog, self.store)
            yield catalog

    @contextmanager
    def open_synced_catalog(self, corpus: str) -> Iterator[Catalog]:
        """The catalogue, with all that the store has of a corpus; what decides must ask this one.

        Another host may have worked since, or a run been killed before it merged what it wrote.
        """
        with self.open_catalog() as catalog:
            merge.sync_corpus(catalog, self.store, corpus)
            yield catalog

    @contextmanager
    def select_videos(
        self, corpus: str, wheres: Sequence[str], contents: Sequence[str] | None = None,
        ids: Sequence[str] | None = None,
    ) -> Iterator[Any]:  # fmt: skip
        """The good videos that meet every condition, as a DuckDB relation: see `select_videos`."""
        path = catalog_path(self.store, self.settings.catalog)
        with select_videos(path, corpus, wheres, self.settings.wait_s, contents, ids) as videos:
            yield videos

    def find_by_content(self, corpus: str, contents: Sequence[str]) -> dict[str, tuple]:
        """The id, URI and caption of each content's first video, where one may be shown."""
        values = {"corpus": corpus, "contents": list(set(contents))}
        with self.open_catalog() as catalog:
            rows = catalog.execute(load_sql("videos_by_content"), **values)
        return {content: (id, uri, caption) for content, id, uri, caption in rows}

    def find_contents(self, corpus: str, ids: Sequence[str]) -> dict[str, str]:
        """The content that each of these good videos has now."""
        with self.open_catalog() as catalog:
            rows = catalog.execute(load_sql("contents_by_id"), corpus=corpus, ids=list(ids))
        return dict(rows)

    @contextmanager
    def lock_stage(self, corpus: str, stage: str, on_wait: Callable[[str], None]) -> Iterator[None]:
        """Makes this the only run that works on a corpus's stage; waits for another one to end.

        `on_wait` gets a message once if another process holds the lock.
        """
        name = f"{layout.corpus_folder(corpus)}/{stage}"
        folders = layout.owned_folders(corpus, stage)
        with self._hold_alone(name, f"runs {stage} on {corpus}", folders, on_wait):
            yield

    @contextmanager
    def lock_store_folder(
        self, folder: str, activity: str, on_wait: Callable[[str], None]
    ) -> Iterator[None]:
        """Makes this the only process that writes in a folder of the store.

        `activity` tells others what it does there, as in "generates 1a2b".
        """
        with self._hold_alone(folder, activity, [folder], on_wait):
            yield

    @contextmanager
    def lock_local_folder(self, folder: str, on_wait: Callable[[str], None]) -> Iterator[None]:
        """Makes this the only process that writes in a folder outside the store."""
        name = f"folder-{hashlib.sha256(folder.encode()).hexdigest()[:16]}"
        with self._hold_alone(name, f"writes {folder}", [], on_wait):
            yield

    @contextmanager
    def _hold_alone(
        self, name: str, activity: str, folders: list[str], on_wait: Callable[[str], None]
    ) -> Iterator[None]:
        """Holds the lock of a name, and removes what a killed holder left half-written."""
        if folders:  # a writer of the store
            ensure_store_id(self.store, self.settings.wait_s)
        catalog_folder = catalog_path(self.store, self.settings.catalog).parent
        locks = self.store.local_path("locks") if self.store.is_local else catalog_folder / "locks"
        lock, wait_s = locks / f"{name.replace('/', '-')}.lock", self.settings.wait_s
        with ExitStack() as holds:
            holds.enter_context(hold_lock(lock, activity, wait_s, on_wait))
            # The lock excludes other processes of this machine, the lease all other machines.
            if not self.store.is_local:
                holder = machine_id(lock)
                holds.enter_context(hold_lease(self.store, name, activity, wait_s, on_wait, holder))
            # Only now: before, the half-written files may be those of a living holder.
            for folder in folders:
                self.store.drop_partials(folder)
            yield

    def list_corpora(self) -> list[str]:
        """The names of all corpora, sorted."""
        return [name.rsplit("/", 1)[-1] for name in self.store.list_names("corpora")]

    def check_corpus(self, corpus: str) -> str:
        """The corpus's name if it has been ingested; a UserError if it has not."""
        if self.store.list_names(layout.videos_folder(corpus)):
            return corpus
        fix = f"`reelflow ingest SRC --corpus {corpus}`"
        if failure := describe_failure(self.store, corpus):
            raise UserError(f"corpus {corpus!r} has no videos: {failure}; run {fix} again")
        existing = ", ".join(name for name in self.list_corpora() if name != corpus) or "none yet"
        raise UserError(
            f"no corpus {corpus!r} in {self.store.root} (existing: {existing}):"
            f" create it with {fix}"
        )

    def rebuild_catalog(self) -> None:
        """Replaces the catalogue by a new one, built from the store."""
        path = catalog_path(self.store, self.settings.catalog)
        with create_catalog(path, self.settings.wait_s) as catalog:
            follow_store(catalog, self.store)
            merge.sync_all(catalog, self.store)


def open_workspace(settings: Settings) -> Workspace:
    """The workspace that the settings name."""
    return Workspace(settings, Store(settings.root))
