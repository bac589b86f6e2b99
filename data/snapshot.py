"""A workspace over a copy of the catalogue: it works as any other, and never waits for a lock."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from data.catalog.browsing import read_by_key
from data.catalog.database import Catalog, catalog_path
from data.catalog.snapshot import Snapshot
from data.workspace import Workspace


@dataclass(frozen=True)
class SnapshotWorkspace(Workspace):
    """What the store was when its catalogue was copied; `number` tells one copy from the next."""

    snapshot: Snapshot
    number: int

    @contextmanager
    def open_catalog(self) -> Iterator[Catalog]:
        with self.snapshot.open_catalog() as catalog:
            yield catalog

    @contextmanager
    def select_videos(
        self, corpus: str, wheres: Sequence[str], contents: Sequence[str] | None = None,
        ids: Sequence[str] | None = None,
    ) -> Iterator[Any]:  # fmt: skip
        with self.snapshot.select_videos(corpus, wheres, contents, ids) as videos:
            yield videos

    def find_by_content(self, corpus: str, contents: Sequence[str]) -> dict[str, tuple]:
        rows = read_by_key(self.snapshot, corpus, "content", contents)
        # Those of lower rows come first: turned round, they are what stays.
        return {row["content"]: (row["id"], row["uri"], row["caption"]) for row in rows[::-1]}

    def find_contents(self, corpus: str, ids: Sequence[str]) -> dict[str, str]:
        # Of videos that may be shown: a withdrawn one is nothing to search with.
        rows = read_by_key(self.snapshot, corpus, "id", ids)
        return {row["id"]: row["content"] for row in rows}


def take_snapshot(workspace: Workspace, number: int) -> SnapshotWorkspace:
    """The workspace as it is now, with a copy of its catalogue, which must be up to date."""
    path = catalog_path(workspace.store, workspace.settings.catalog)
    snapshot = Snapshot(path, workspace.list_corpora(), workspace.settings.wait_s)
    # What stays the same as long as the catalogue does goes by the file that the settings name.
    settings = workspace.settings.model_copy(update={"catalog": str(snapshot.path)})
    return SnapshotWorkspace(settings, workspace.store, snapshot, number)
