"""The cut flow: writes the moments of a table of hits as files."""

from typing import Any

from prefect import flow

from data.settings import Settings
from data.workspace import open_workspace
from tasks.retrieve.cut import cut_hits
from tasks.ui.hooks import HOOKS


@flow(name="cut", **HOOKS)
def cut(hits: str, folder: str, exact: bool = False) -> dict[str, Any]:
    """Cuts moments out of their videos into files, each with its provenance beside it.

    Args:
        hits: Parquet file of hits that `retrieve` wrote with moments.
        folder: Folder to write; files that are there are kept.
        exact: Encode again, from the first frame to the last; else copy from a keyframe on.
    """
    return cut_hits(open_workspace(Settings()), hits, folder, exact)
