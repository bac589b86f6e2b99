"""Addresses of the page to look around, for artifacts: a browser follows them, unlike `file://`."""

from urllib.parse import quote

from data.workspace import Workspace
from tasks.browse.running import find_page


def link_run(workspace: Workspace, folder: str) -> dict[str, str]:
    """The page of a run, an experiment, an evaluation or a refinement, by its folder in the store.

    A figure of a summary; none where no page is served over the store.
    """
    return _link(workspace, f"pages/{folder}")


def link_corpus(workspace: Workspace, corpus: str) -> dict[str, str]:
    """What became of a corpus, stage by stage, with its failures."""
    return _link(workspace, f"#health?corpus={quote(corpus)}")


def _link(workspace: Workspace, address: str) -> dict[str, str]:
    page = workspace.settings.browse_url or ""
    if not page and (running := find_page(workspace.store.root)):
        page = running.url
    return {"look_around": f"{page.rstrip('/')}/{address}"} if page else {}
