"""Finds and registers the stages of annotators, one a kind of text."""

from data.errors import UserError
from data.shards.stages import ANNOTATE, Stage, current_stage, register_stage, spec_in_use
from data.specs.annotate import SPECS, AnnotateSpec
from data.workspace import Workspace
from engines.base import load_plugin


def stage_kind(kind: str) -> str:
    """The stage of a kind of text: `annotate-speech`."""
    return f"{ANNOTATE}{kind}"


def choose_spec(workspace: Workspace, corpus: str, kind: str) -> AnnotateSpec:
    """The spec with which the corpus has such texts already, else the default."""
    if kind not in SPECS:
        raise UserError(f"no annotator {kind!r}: there are {', '.join(SPECS)}")
    return spec_in_use(workspace.store, corpus, stage_kind(kind), SPECS[kind]())


def register_annotate(workspace: Workspace, corpus: str, spec: AnnotateSpec) -> Stage:
    """Registers the stage of an annotator; a UserError where its model is missing.

    Former texts stay the corpus's own until this stage has some: a model may fail as it loads.
    """
    plugin = load_plugin("annotate.annotators", spec.kind)
    version, digest = plugin.VERSION, plugin.digest(spec)
    kind = stage_kind(spec.kind)
    return register_stage(workspace.store, corpus, kind, spec, version, digest, shadow=True)


def find_annotated(workspace: Workspace, corpus: str, kinds: list[str] | None) -> list[Stage]:
    """The current stages of these kinds of text, by default all; a UserError without any."""
    wanted = kinds or list(SPECS)
    stages = {kind: current_stage(workspace.store, corpus, stage_kind(kind)) for kind in wanted}
    missing = [kind for kind, stage in stages.items() if stage is None]
    found = [stage for stage in stages.values() if stage is not None]
    if not found or (kinds and missing):
        what = ",".join(missing if kinds else ["speech", "screen"])
        raise UserError(
            f"{corpus} has no texts of {' and '.join(missing)} yet: run `reelflow annotate"
            f" {corpus} --with {what}`"
        )
    return found
