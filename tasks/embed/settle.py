"""Settles what a pipeline embeds with, before it reads any video."""

from data.shards.stages import current_stage
from data.specs.pipeline import EmbedSpec
from data.workspace import Workspace
from tasks.prepare_model import prepare_model
from tasks.stages import choose_embed_spec, is_imported


def settle_embed_spec(
    workspace: Workspace, corpus: str, requested: EmbedSpec | None, source: str | None
) -> EmbedSpec | None:
    """The spec that a pipeline passes on to embed; its weights are here before anything is read."""
    if source is None:
        workspace.check_corpus(corpus)
    stage = current_stage(workspace.store, corpus, "embed")
    if requested is None and stage and is_imported(workspace, stage):
        return None  # nothing may be left to embed: embed finds out, and asks for the model then
    spec = choose_embed_spec(workspace, corpus, requested, source)
    prepare_model(spec)
    # A corpus's own is looked up again when it is embedded: somebody may switch meanwhile.
    return requested if stage else spec
