"""The import flow: another system's frame vectors become a corpus."""

from typing import Any

from prefect import flow

from data.ids import corpus_name
from data.settings import Settings
from data.specs.pipeline import EmbedSpec
from data.workspace import open_workspace
from tasks.ingest.import_ragme import import_vectors
from tasks.progress import say

RAGME = EmbedSpec(model="ViT-B-32", weights="openai", precision="fp16", activation="quickgelu")


@flow(name="import-ragme", flow_run_name="import-ragme-{corpus}")
def import_ragme(source: str, corpus: str, spec: EmbedSpec = RAGME) -> dict[str, Any]:
    """Takes over clip-video-encode's frame vectors; pool, index and retrieve go on from there.

    Args:
        source: the folder of .npy and .json files, or the tars, that clip-video-encode wrote
        corpus: the corpus to make
        spec: the model that made them, as far as it is known; texts are embedded with it
    """
    workspace = open_workspace(Settings())
    with (
        workspace.only_run(corpus_name(corpus), "ingest", say),
        workspace.only_run(corpus, "embed", say),
    ):
        return import_vectors(workspace, source, corpus, spec)
