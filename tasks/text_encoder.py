"""That a question is encoded as the stored texts were, with which it is compared."""

from data.errors import UserError
from data.shards.stages import Stage, read_spec_record
from data.specs.encode import EncodeSpec
from data.workspace import Workspace
from engines.base import load_plugin


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
