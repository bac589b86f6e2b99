"""Retrying failures: how many there are, and which decoder would look at them now."""

from typing import Any

from data.catalog import merge
from data.catalog.database import load_sql
from data.catalog.failures import Failures
from data.shards.stages import current_stage
from data.workspace import Workspace
from engines.base import load_plugin

DECODER = "pyav"  # a plugin of engines/video/decoders


def decoder_version() -> str:
    """What decodes here, with its version."""
    return load_plugin("video.decoders", DECODER).version()


def count_failures(workspace: Workspace, corpus: str, which: Failures) -> list[dict[str, Any]]:
    """How many failures `which` means: stage, reason, decoder, videos."""
    stage = current_stage(workspace.store, corpus, "embed")
    asked = which.to_parameters(decoder_version()) | {"embed": stage.fingerprint if stage else ""}
    with workspace.open_catalog() as catalog:
        merge.sync_corpus(catalog, workspace.store, corpus)
        return catalog.query_rows(load_sql("count_retries"), corpus=corpus, **asked)
