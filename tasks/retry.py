"""Counts the failures that a retry would take up, and names the decoder that would decode them."""

from typing import Any

from data.catalog.coverage import list_current
from data.catalog.database import load_sql
from data.catalog.failures import Failures
from data.workspace import Workspace
from engines.base import load_plugin

DECODER = "pyav"  # a plugin of engines/video/decoders


def decoder_version() -> str:
    """The decoder of this installation, with its version, as "av 15.1.0"."""
    return load_plugin("video.decoders", DECODER).library_version()


def count_failures(workspace: Workspace, corpus: str, which: Failures) -> list[dict[str, Any]]:
    """Counts the failures that `which` selects: rows of stage, reason, decoder and videos."""
    values = which.to_parameters(decoder_version())
    values["current"] = list_current(workspace.store, corpus)
    with workspace.open_synced_catalog(corpus) as catalog:
        return catalog.query_rows(load_sql("count_retries"), corpus=corpus, **values)
