"""Finds and registers the stage of caption vectors."""

from typing import Any

from data.errors import UserError
from data.shards.stages import (
    CAPTION_VECTORS,
    Stage,
    current_stage,
    read_spec,
    register_stage,
    spec_in_use,
)
from data.specs.encode import CaptionSpec
from data.workspace import Workspace
from engines.base import load_plugin
from tasks.text_encoder import choose_encoder


def choose_caption_spec(
    workspace: Workspace, corpus: str, given: CaptionSpec | None
) -> CaptionSpec:
    """The given spec, else the one that the corpus's captions were last encoded by."""
    spec = given or spec_in_use(workspace.store, corpus, CAPTION_VECTORS, CaptionSpec())
    encode = choose_encoder(workspace, corpus, spec.encode)
    return spec.model_copy(update={"encode": encode})


def register_captions(workspace: Workspace, corpus: str, spec: CaptionSpec) -> Stage:
    """Registers the stage; a UserError where the encoder is missing."""
    plugin = load_plugin("retrieve.encoders", spec.encode.encoder)
    version, digest = plugin.VERSION, plugin.digest(spec.encode)
    return register_stage(workspace.store, corpus, CAPTION_VECTORS, spec, version, digest)


def find_changed_captions(spec: CaptionSpec) -> tuple[str, dict[str, Any]]:
    """The query of videos whose caption is another than the one that was encoded; its values."""
    name = (spec.column or "").replace("~", "~0").replace("/", "~1")
    return "changed_captions", {"column": spec.column, "path": f"/{name}"}


def require_captions(workspace: Workspace, corpus: str) -> tuple[Stage, CaptionSpec]:
    """The corpus's current caption vectors and their spec; a UserError where it has none."""
    stage = current_stage(workspace.store, corpus, CAPTION_VECTORS)
    if stage is None:
        raise UserError(
            f"{corpus} has no vectors of captions yet: run `reelflow caption-vectors {corpus}`"
        )
    return stage, read_spec(workspace.store, stage, CaptionSpec)
