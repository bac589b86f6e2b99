"""The import flow: makes a corpus of another system's frame vectors."""

from typing import Any

from prefect import flow

from data.ids import check_corpus_name
from data.settings import Settings
from data.specs.pipeline import CLIP_VIDEO_ENCODE, EmbedSpec
from data.workspace import open_workspace
from tasks.ingest.import_ragme import import_vectors
from tasks.service.turns import wait_turn
from tasks.ui.hooks import HOOKS
from tasks.ui.run_names import name_run


@flow(name="import-ragme", flow_run_name=name_run("import-ragme-{corpus}"), **HOOKS)
def import_ragme(source: str, corpus: str, spec: EmbedSpec = CLIP_VIDEO_ENCODE) -> dict[str, Any]:
    """Imports clip-video-encode's frame vectors; pool, index and retrieve continue from there.

    Args:
        source: Folder of .npy and .json files, or tars, that clip-video-encode wrote.
        corpus: Name of the corpus to create.
        spec: Model that made the vectors, as far as it is known; texts are embedded with it.
    """
    workspace = open_workspace(Settings())
    # Both: an import writes the videos and their vectors, which are two stages' folders.
    with (
        workspace.lock_stage(check_corpus_name(corpus), "ingest", wait_turn),
        workspace.lock_stage(corpus, "embed", wait_turn),
    ):
        return import_vectors(workspace, source, corpus, spec)
