"""The sentence encoder of a corpus's texts and captions, and of what is compared with them."""

from data.errors import UserError
from data.shards.stages import Stage, current_stage, read_spec, read_spec_record
from data.specs.encode import EncodeSpec
from data.specs.pipeline import EmbedSpec
from data.workspace import Workspace
from engines.base import load_plugin
from engines.retrieve.encoders import clip


def choose_encoder(workspace: Workspace, corpus: str, spec: EncodeSpec) -> EncodeSpec:
    """The spec; where its encoder is CLIP and names no model, that of the corpus's videos."""
    embedded = current_stage(workspace.store, corpus, "embed")
    if spec.encoder != "clip" or spec.weights or embedded is None:
        return spec
    weights = clip.name_weights(read_spec(workspace.store, embedded, EmbedSpec))
    return spec.model_copy(update={"weights": weights})


def require_same_encoder(workspace: Workspace, stage: Stage, spec: EncodeSpec, again: str) -> None:
    """A UserError where the encoder of a stage's texts has other weights than its vectors.

    `again` is the command that encodes them anew.
    """
    digest = load_plugin("retrieve.encoders", spec.encoder).digest(spec)
    if digest not in read_spec_record(workspace.store, stage)["inputs"]:
        raise UserError(
            f"the encoder {spec.weights or spec.encoder} has changed since the texts of"
            f" {stage.corpus} were encoded: put the old one back, or run `{again}`"
        )
