"""The contents that must not be used any more, read once or watched while a run goes on."""

from threading import Lock

from data.catalog import merge
from data.catalog.database import load_sql
from data.store import layout
from data.workspace import Workspace


def read_withdrawn(workspace: Workspace, corpus: str) -> set[str]:
    """The withdrawn contents; looks through the corpus only if any video is withdrawn."""
    with workspace.open_catalog() as catalog:
        merge.sync_withdrawn(catalog, workspace.store, corpus)
        if not catalog.execute(load_sql("withdrawal_marks"), corpus=corpus):
            return set()
        merge.sync_videos(catalog, workspace.store, corpus)
        rows = catalog.execute(load_sql("withdrawn_contents"), corpus=corpus)
    return {content for (content,) in rows}


class WithdrawalWatch:
    """The withdrawn contents of a corpus at this moment; several threads may ask."""

    def __init__(self, workspace: Workspace, corpus: str) -> None:
        self._workspace, self._corpus, self._lock = workspace, corpus, Lock()
        self._marks: list[str] = []
        self._contents: set[str] = set()

    def read(self) -> set[str]:
        """The contents; looks at the catalogue only where a video was withdrawn since."""
        marks = self._workspace.store.list_names(layout.withdrawn_folder(self._corpus))
        with self._lock:
            if marks != self._marks:
                self._contents = read_withdrawn(self._workspace, self._corpus)
                self._marks = marks
            return self._contents
