"""The contents that must not be used any more, read once for a run."""

from data.catalog import merge
from data.catalog.database import load_sql
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
